import { Readable } from 'node:stream';
import {
	type Ledger,
	type PollSource,
	type TickOptions,
	type TickResult,
	createTransport,
	parseRestSettings,
	restApi,
	runTick,
} from '../../lib';
import type { RawRequest } from '../../lib/http/transport';
import { STREAM } from './ledger';

/** An API that a user has described, read by the real engine into a real ledger; only the network is played. */

export interface Answer {
	readonly status?: number;
	readonly body?: unknown;
	/** Instead of a body. */
	readonly raw?: string | Buffer;
	readonly headers?: Readonly<Record<string, string>>;
}

export const BASE = 'https://api.example.com/v1';

let apis = 0;

/** An API that answers as told, and the URLs that it was asked for. */
export function apiOf(
	settings: Readonly<Record<string, unknown>>,
	answer: (url: URL, request: RawRequest) => Answer,
	credential: { headers?: Record<string, string>; query?: Record<string, string>; id?: string } = {},
): { source: PollSource; asked: URL[] } {
	const asked: URL[] = [];
	const { id = '', ...secrets } = credential;
	const transport = createTransport({
		service: 'The API',
		baseUrl: BASE,
		credentialHint: '',
		// What one API said of its limits is nothing to the next one.
		identity: ++apis,
		...secrets,
		exchange: (url, request) => {
			asked.push(url);
			const { status = 200, body, raw = JSON.stringify(body), headers } = answer(url, request);
			const all = { date: new Date().toUTCString(), 'content-type': 'application/json', ...headers };
			return Promise.resolve({ status, headers: all, body: Readable.from([Buffer.from(raw)]) });
		},
	});
	const open = () => Promise.resolve(restApi(parseRestSettings(settings), BASE, transport, id));
	return { source: { provider: 'anyService', open }, asked };
}

export const NODE = { id: 'n', workflow: 'w', name: 'P' };

export async function tick(ledger: Ledger, source: PollSource, more: Partial<TickOptions> = {}): Promise<TickResult> {
	return await runTick({
		ledger,
		source,
		stream: STREAM,
		node: NODE,
		leadsTo: () => 'same',
		start: { from: 'everything' },
		lookBackMs: 600_000,
		lookBackCount: 100,
		maxEvents: 10_000,
		budgetMs: 20_000,
		...more,
	});
}
