import { BlockList, isIP } from 'node:net';
import type { FunctionsBase } from 'n8n-workflow';
import { HybridSyncError, LRUCache } from '../../lib';

/** Which addresses may call. Node.js knows what a range holds, and that ::ffff:192.0.2.1 is 192.0.2.1. */

interface Context extends Pick<FunctionsBase, 'getNode'> {
	getNodeParameter(name: string, fallback?: unknown): unknown;
}

const lists = new LRUCache<string, BlockList>({ max: 100 });

/**
 * @returns nothing where all may call
 * @throws HybridSyncError `configuration` naming what is no address
 */
export function allowedAddresses(context: Context): BlockList | undefined {
	// Nothing else is evaluated, so that no other field can keep an authentic sender out.
	const trimmed = String(context.getNodeParameter('additionalOptions.allowedAddresses', '')).trim();
	if (trimmed === '') return undefined;
	const known = lists.get(trimmed) ?? listOf(trimmed);
	lists.set(trimmed, known);
	return known;
}

function listOf(text: string): BlockList {
	const list = new BlockList();
	for (const entry of text.split(/[\s,]+/)) {
		if (entry === '') continue;
		const [address = '', prefix, more] = entry.split('/');
		const family = isIP(address);
		const longest = family === 4 ? 32 : 128;
		const bits = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
		if (family === 0 || more !== undefined || bits < 0 || bits > longest) {
			throw new HybridSyncError(
				'configuration',
				`"${entry}" is no IP address and no range of them. Write them under "Allowed IP Addresses" like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.`,
			);
		}
		list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
	}
	return list;
}

/** @param address of the sender, as n8n found it behind its proxies */
export function isAllowed(list: BlockList, address: string | undefined): boolean {
	const [plain = ''] = (address ?? '').split('%');
	const family = isIP(plain);
	return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}
