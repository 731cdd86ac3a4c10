import { HybridSyncError } from '../base/errors';
import { isInternal, isLoopback } from '../http/hosts';
import type { Reach } from '../provider/subscription';

/** Says how the address of this n8n is set. */
const ADVICE =
	'Set N8N_WEBHOOK_URL to the public https:// address of this n8n (a tunnel will do for a try), or choose "Register the Webhook: By Hand".';

/**
 * Whether a provider can call a URL: said before it is asked, because some register what they can never reach.
 *
 * @param apiUrl where the provider is asked: one on this machine, or in this network, can call an address there
 * @throws HybridSyncError `configuration` saying why the URL can never be called
 */
export function requireReachable(service: string, url: string, apiUrl: string, reach: Reach): void {
	const [target, api] = [URL.parse(url), URL.parse(apiUrl)];
	if (target && api && isLoopback(api.hostname)) return;
	const why = target ? obstacle(service, target, api, reach) : `the webhook URL is not usable (${url})`;
	if (why === undefined) return;
	throw new HybridSyncError('configuration', `${service} cannot call this n8n: ${why}. ${ADVICE}`);
}

function obstacle(service: string, { origin, hostname, protocol, port }: URL, api: URL | null, reach: Reach) {
	const its = `its webhook URL, ${origin},`;
	if (isLoopback(hostname)) return `${its} means "this computer"`;
	if (isInternal(hostname) && !(api && isInternal(api.hostname))) return `${its} is an address of a private network`;
	if (reach.isHttpsOnly && protocol !== 'https:') return `${its} is not HTTPS, and ${service} calls nothing else`;
	const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
	if (!reach.ports || reach.ports.includes(number)) return undefined;
	return `${its} has port ${number}, and ${service} calls the ports ${reach.ports.join(', ')} only`;
}
