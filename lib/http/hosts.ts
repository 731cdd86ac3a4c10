import { BlockList, isIP } from 'node:net';

/** What a URL says of where it leads. */

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** @see https://www.rfc-editor.org/rfc/rfc6890 */
const internal = new BlockList();
for (const [network, bits] of [
	['0.0.0.0', 8],
	['10.0.0.0', 8],
	['100.64.0.0', 10],
	['169.254.0.0', 16],
	['172.16.0.0', 12],
	['192.168.0.0', 16],
] as const) {
	internal.addSubnet(network, bits);
}
internal.addSubnet('fc00::', 7, 'ipv6');
internal.addSubnet('fe80::', 10, 'ipv6');

function isIn(list: BlockList, host: string): boolean {
	const family = isIP(host);
	return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** The path of a URL, by which those of a test and of a published webhook differ; their hosts may change. */
export function pathOf(url: string): string {
	return URL.parse(url)?.pathname ?? url;
}

/** @param hostname as a URL has it */
const plain = (hostname: string) => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');

/** Whether a host is this computer. */
export function isLoopback(hostname: string): boolean {
	const host = plain(hostname);
	return host === 'localhost' || host.endsWith('.localhost') || isIn(loopback, host);
}

/** Whether a host can be reached from a private network only, as far as its name or address tells. */
export function isInternal(hostname: string): boolean {
	const host = plain(hostname);
	if (isIP(host) > 0) return isIn(internal, host);
	return !host.includes('.') || /\.(?:local|internal|lan|home\.arpa)$/.test(host);
}
