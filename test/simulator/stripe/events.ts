import { randomUUID } from 'node:crypto';
import { API_VERSION } from './version';

/** An event as the API lists it and as webhooks carry it. */
export interface StripeEvent {
	readonly id: string;
	readonly object: 'event';
	/** The connected account that it is about. */
	readonly account?: string;
	readonly api_version: string;
	/** Unix seconds. */
	readonly created: number;
	readonly data: { readonly object: object };
	readonly livemode: boolean;
	/** The number of endpoints that have not received it yet. */
	pending_webhooks: number;
	readonly request: { readonly id: string | null; readonly idempotency_key: string | null };
	readonly type: string;
}

/** What a page of the log holds. */
export interface EventQuery {
	/** Whether an event passes the filters. */
	readonly passes: (event: StripeEvent) => boolean;
	/** Unix seconds, both inclusive. */
	readonly from: number;
	readonly to: number;
	/** The events directly older than this one. */
	readonly startingAfter?: StripeEvent | undefined;
	/** The events directly newer than this one. */
	readonly endingBefore?: StripeEvent | undefined;
	readonly limit: number;
}

export interface EventPage {
	/** Newest first. */
	readonly data: StripeEvent[];
	readonly has_more: boolean;
}

interface Entry {
	readonly event: StripeEvent;
	/** Milliseconds since the epoch. */
	readonly visibleAt: number;
	/** The order of events that were created in one second. */
	readonly sequence: number;
}

/** The log of events, in the order in which they were created. */
export class EventLog {
	private readonly entries: Entry[] = [];
	private readonly byId = new Map<string, Entry>();
	private next = 1;

	constructor(
		private readonly clock: () => number,
		/** How long an event can be read, in milliseconds. */
		private readonly keptMs: number,
	) {}

	get size(): number {
		return this.entries.length;
	}

	/** Adds an event, which the API shows from `visibleAt` on. Its place is by `created`, then by the order of adding. */
	add(fields: Omit<StripeEvent, 'id' | 'object' | 'api_version' | 'pending_webhooks' | 'request'>, visibleAt: number) {
		const sequence = this.next++;
		// Ids of one second ascend by the number, others by the second.
		const number = fields.created.toString(36).padStart(7, '0') + sequence.toString(36).padStart(6, '0');
		const event: StripeEvent = {
			...fields,
			id: `evt_1${number}${randomUUID().slice(0, 8)}`,
			object: 'event',
			api_version: API_VERSION,
			pending_webhooks: 0,
			request: { id: null, idempotency_key: null },
		};
		const entry = { event, visibleAt, sequence };
		const newest = this.entries.at(-1);
		if (!newest || newest.event.created <= event.created) this.entries.push(entry);
		else this.entries.splice(this.firstFrom(event.created + 1), 0, entry);
		this.byId.set(event.id, entry);
		return event;
	}

	/** The event, unless it is expired or not visible yet. */
	get(id: string): StripeEvent | undefined {
		const entry = this.byId.get(id);
		const isListed = entry && this.isVisible(entry) && entry.event.created >= this.oldest();
		return isListed ? entry.event : undefined;
	}

	/** One page, always newest first; after a cursor in `endingBefore`, the events nearest to it. */
	page({ passes, from, to, startingAfter, endingBefore, limit }: EventQuery): EventPage {
		let low = this.firstFrom(Math.max(from, this.oldest()));
		let high = this.firstFrom(to + 1);
		if (startingAfter) high = Math.min(high, this.indexOf(startingAfter));
		if (endingBefore) low = Math.max(low, this.indexOf(endingBefore) + 1);
		const found: StripeEvent[] = [];
		const isFull = () => found.length > limit;
		for (let index = 0; index < high - low && !isFull(); index++) {
			const entry = this.entries[endingBefore ? low + index : high - 1 - index];
			if (entry && this.isVisible(entry) && passes(entry.event)) found.push(entry.event);
		}
		const data = found.slice(0, limit);
		return { data: endingBefore ? data.reverse() : data, has_more: isFull() };
	}

	/** The first second whose events are still kept. */
	private oldest(): number {
		return Math.ceil((this.clock() - this.keptMs) / 1000);
	}

	private isVisible({ visibleAt }: Entry): boolean {
		return visibleAt <= this.clock();
	}

	private indexOf({ id, created }: StripeEvent): number {
		const sequence = this.byId.get(id)?.sequence ?? 0;
		return this.firstWhere(({ event, ...entry }) =>
			event.created === created ? entry.sequence >= sequence : event.created > created,
		);
	}

	/** The index of the first event created in this second or later. */
	private firstFrom(second: number): number {
		return this.firstWhere(({ event }) => event.created >= second);
	}

	/** Binary search: the first index from which on the condition holds. */
	private firstWhere(holds: (entry: Entry) => boolean): number {
		let low = 0;
		let high = this.entries.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			const entry = this.entries[middle];
			if (entry && holds(entry)) high = middle;
			else low = middle + 1;
		}
		return low;
	}
}
