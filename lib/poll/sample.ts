import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../base/errors';
import { type SyncEvent, toSyncEvent } from '../event/event';
import { formatTime } from '../base/time';
import { positionOfTime, timeOfPosition } from '../event/position';
import type { ApiRequest } from '../http/transport';
import type { Page, PollResource, PollSource } from '../provider/pull';
import { accountOf } from './account';
import { nextPage, startAt } from './cursor';
import { readPage } from './page';
import { checkOrder } from './window';

const SAMPLE_SIZE = 5;

/** What was understood of an API that a user has described, from its first answer. */
export interface FetchTest {
	/** What was asked, without anything secret. */
	readonly request: string;
	readonly rows: number;
	/** Rows that cannot be read, and why the first of them cannot. */
	readonly unreadable: number;
	readonly reason?: string;
	/** What may keep rows from being found, and the field that mends it. */
	readonly warnings?: readonly string[];
	readonly firstRow?: string;
	readonly lastRow?: string;
	/** What a run would ask after these rows. */
	readonly nextRequest: string;
}

export interface Sample {
	readonly events: readonly SyncEvent[];
	/** Of a resource that a user has described. */
	readonly fetchTest?: FetchTest;
}

/**
 * The newest few events of each resource, to show a user what the data looks like. It stores nothing.
 *
 * @throws HybridSyncError as the transport does; `bad-response` where rows are not in the order that the user said, and
 *   `configuration` where rows are sure to be missed
 */
export async function sampleEvents(source: PollSource, stream: string, lookBackMs = 0): Promise<Sample> {
	const api = await source.open();
	const account = await accountOf(api);
	const correlationId = randomUUID();
	const receivedAt = Date.now();
	const events: SyncEvent[] = [];
	let fetchTest: FetchTest | undefined;
	for (const resource of api.resources) {
		const request = resource.sample(SAMPLE_SIZE);
		const { transport } = api;
		const use = { account, sender: source.sender ?? '', transport };
		const page = await readPage(resource, await transport.send(request), use);
		if (page.unusable) throw page.unusable;
		if (resource.described) {
			checkOrder(page.rows, resource);
			if (page.doubt?.isSure) throw new HybridSyncError('configuration', `${resource.displayName}: ${page.doubt.text}`);
			fetchTest = fetchTestOf(resource, request, page, account, lookBackMs);
		}
		const newest = page.rows
			.toSorted((a, b) => (a.position > b.position ? -1 : Number(a.position < b.position)))
			.slice(0, SAMPLE_SIZE);
		for (const { event } of newest) {
			events.push(
				toSyncEvent(event, { stream, correlationId, path: 'poll', receivedAt, attempt: 1, recovered: false }),
			);
		}
	}
	return { events, ...(fetchTest && { fetchTest }) };
}

function fetchTestOf(
	resource: PollResource,
	request: ApiRequest,
	{ rows, deadLetters, size, doubt }: Page,
	account: string,
	lookBackMs: number,
): FetchTest {
	const { unit, pageSize } = resource;
	const newest = rows.reduce((latest, { position }) => (position > latest ? position : latest), 0n);
	const next = nextPage({ ...startAt(account, 0n), bound: newest }, unit === 'time' ? positionOfTime(lookBackMs) : 0n);
	const told = (row: Page['rows'][number]) =>
		unit === 'none'
			? row.event.subject
			: `${row.event.subject} at ${unit === 'number' ? row.position : formatTime(timeOfPosition(row.position))}`;
	const [first, last] = [rows.at(0), rows.at(-1)];
	const warnings = [...(doubt ? [doubt.text] : []), ...(resource.warnings ?? [])];
	return {
		request: written(request),
		rows: size,
		unreadable: deadLetters.length,
		...(deadLetters[0] && { reason: deadLetters[0].reason }),
		...(warnings.length > 0 && { warnings }),
		...(first && { firstRow: told(first) }),
		...(last && { lastRow: told(last) }),
		nextRequest: written(resource.request({ ...next, pageSize })),
	};
}

function written({ method = 'GET', path, query = {} }: ApiRequest): string {
	const parameters = new URLSearchParams(query).toString();
	return `${method} ${path}${parameters === '' ? '' : `${path.includes('?') ? '&' : '?'}${parameters}`}`;
}
