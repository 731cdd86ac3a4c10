import { lookup } from 'node:dns';
import { BlockList, type LookupFunction, isIP } from 'node:net';
import { unspecifiedError } from './status';

/**
 * Addresses that mean "this host" without naming it, such as `::` and `0.0.0.0`. Systems connect them to loopback, filters
 * that know loopback do not always know them, and no API is there.
 */
const unspecified = new BlockList();
unspecified.addAddress('::', 'ipv6');
unspecified.addSubnet('0.0.0.0', 8, 'ipv4');
unspecified.addSubnet('::ffff:0.0.0.0', 104, 'ipv6');

function isUnspecified(address: string): boolean {
	return unspecified.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** @throws HybridSyncError `configuration` where a URL names such an address */
export function refuseUnspecified({ hostname, host }: URL): void {
	const address = hostname.replace(/^\[|\]$/g, '');
	if (isIP(address) > 0 && isUnspecified(address)) throw unspecifiedError(host);
}

/** Finds the addresses of a host, and none where one of them is such an address. */
export function lookupSpecified(find: LookupFunction = lookup): LookupFunction {
	return (hostname, options, callback) => {
		find(hostname, options, (error, found, family) => {
			if (error) {
				callback(error, found, family);
				return;
			}
			const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
			callback(addresses.some(isUnspecified) ? unspecifiedError(hostname) : null, found, family);
		});
	};
}
