import { MINUTE } from '../base/time';
import { positionOfTime, timeOfPosition } from '../event/position';
import type { ApiResponse, Transport } from '../http/transport';
import type { Ledger } from '../ledger/ledger';
import type { ParentResource, PollApi, PollResource } from '../provider/pull';
import type { Start } from './beginning';
import { type CursorState, parseCursor, startAt } from './cursor';

/**
 * Resources that are found at run time: the rows of each parent, such as a mailing list or a shop, have a cursor of their own.
 * A parent that was not there before began after the parents were last listed, so its rows are read from then on. One that
 * vanishes keeps its cursor as long as keys are kept, and goes on where it stopped should it come back.
 */

/** A resource, and where it begins. */
export interface Found {
	readonly resource: PollResource;
	readonly start: Start;
}

/** When the parents were listed; kept like a cursor. */
export interface Listing {
	/** Under which it is kept, and that of the parents. */
	readonly name: string;
	readonly parents: string;
	readonly state: CursorState;
	/** None is known from before. */
	readonly isFirst: boolean;
	/** Names of the resources that there are. */
	readonly children: readonly string[];
}

interface Asked {
	readonly ledger: Ledger;
	readonly stream: string;
	readonly node: string;
	readonly account: string;
	readonly transport: Transport;
	readonly start: Start;
	readonly clock: () => number;
}

/**
 * @returns all that is to be read, and what is to be kept of the lists of parents once their resources have begun
 * @param failed is told of a list of parents that cannot be had: of any of them nothing is known then; it may throw the error on
 */
export async function resourcesOf(
	api: PollApi,
	asked: Asked,
	failed: (error: unknown) => void,
): Promise<{ found: Found[]; listings: Listing[] }> {
	const { start } = asked;
	const found: Found[] = api.resources.map((resource) => ({ resource, start }));
	const listings: Listing[] = [];
	for (const parents of api.parents ?? []) {
		try {
			const { children, listing, since } = await list(parents, asked);
			listings.push(listing);
			for (const resource of children) found.push({ resource, start: since ?? start });
		} catch (error) {
			failed(error);
		}
	}
	return { found, listings };
}

const nameOf = ({ name }: ParentResource) => `${name} (parents)`;

const CLOCK_AHEAD_MS = 5 * MINUTE;

async function list(parents: ParentResource, { ledger, stream, node, account, transport, clock }: Asked) {
	let date: number | undefined;
	const dated: Transport = {
		...transport,
		async send(request, signal): Promise<ApiResponse> {
			const response = await transport.send(request, signal);
			// The first answer: what comes while the others are read belongs to the next listing.
			date ??= response.date;
			return response;
		},
	};
	const known = parseCursor(await ledger.cursor(stream, node, nameOf(parents)));
	const before = known?.account === account ? known : undefined;
	const children = await parents.find(dated);
	// Where nothing had to be asked, by this machine's clock, which may be ahead of the provider's.
	const bound = positionOfTime(date ?? clock() - CLOCK_AHEAD_MS);
	const since: Start | undefined = before && { from: 'date', date: timeOfPosition(before.bound) };
	const listing: Listing = {
		name: nameOf(parents),
		parents: parents.name,
		state: startAt(account, bound),
		isFirst: before === undefined,
		children: children.map(({ name }) => name),
	};
	return { children, listing, since };
}
