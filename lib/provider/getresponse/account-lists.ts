import { z } from 'zod/v4';
import { hashOf } from '../../base/hash';
import { DAY, MINUTE } from '../../base/time';
import { positionOfTime } from '../../event/position';
import type { ApiResponse, Transport } from '../../http/transport';
import { understood } from '../access';
import type { FurtherRequest, ParentResource, PollResource } from '../pull';
import {
	SECOND,
	allIds,
	byTime,
	created,
	id,
	listed,
	moment,
	newestFirst,
	pageOf,
	queryTime,
	readList,
	rowOf,
} from './list';

/** What there is in an account beside its contacts. */

const newsletter = z.object({
	newsletterId: id,
	sendOn: moment.nullish(),
	sendMetrics: z.looseObject({ status: z.string().nullish() }).nullish(),
});

/** How long it may take from the time that a newsletter is dated to its last message. */
const SENT_WITHIN_MS = 3 * DAY;

/**
 * Newsletters whose sending has finished, by the time that they were to be sent.
 * @see https://apireference.getresponse.com/#operation/getNewsletterList
 */
export const newsletters: PollResource = listed({
	name: 'newsletters',
	displayName: 'Newsletters Sent',
	...newestFirst('/newsletters', 'sendOn'),
	shownWithinMs: SENT_WITHIN_MS,
	readRow(row) {
		const { data } = newsletter.safeParse(row);
		if (!data) return 'a newsletter without a usable newsletterId or sendOn';
		const { newsletterId, sendOn: position, sendMetrics } = data;
		// A draft.
		if (position == null) return undefined;
		const event = {
			type: 'newsletter_sent',
			position,
			thing: 'newsletter',
			subject: `newsletters/${newsletterId}`,
			identity: [newsletterId],
		};
		return sendMetrics?.status === 'finished' ? event : { ...event, isUnwanted: true };
	},
});

/** How long after it was sent the numbers of a newsletter are followed; the keys of events are kept longer. */
const FOLLOWED_MS = 28 * DAY;
const statistics = z.array(z.looseObject({})).min(1);

/**
 * The totals of newsletters of the last 28 days, told of whenever they have changed: a request for each of them.
 *
 * @param chosen ids of the newsletters whose totals are wanted; none for all
 * @see https://apireference.getresponse.com/#operation/getSingleNewsletterStatistics
 */
export const newsletterStatistics = (chosen: readonly string[] = []): PollResource => ({
	name: 'newsletterStatistics',
	displayName: 'Newsletter Statistics',
	unit: 'time',
	...newestFirst('/newsletters', 'sendOn'),
	// Each row takes a request, and all of a page are made in one tick.
	pageSize: 50,
	everyMs: 60 * MINUTE,
	shownWithinMs: FOLLOWED_MS,
	async read(response, accountId, sender, asked) {
		const further: FurtherRequest[] = [];
		const page = await readList(response, { name: 'newsletters', displayName: 'Newsletter Statistics' }, (row) => {
			const { data } = newsletter.safeParse(row);
			if (!data) return 'a newsletter without a usable newsletterId or sendOn';
			const { newsletterId, sendOn: position, sendMetrics } = data;
			if (position == null) return undefined;
			const found = {
				type: 'newsletter_statistics_changed',
				position,
				thing: 'statistics',
				subject: `newsletters/${newsletterId}`,
				identity: [newsletterId],
				more: { newsletter: row },
			};
			const followedFrom = positionOfTime((response.date ?? Date.now()) - FOLLOWED_MS);
			const isChosen = chosen.length === 0 || chosen.includes(newsletterId);
			const isRead =
				isChosen && position >= followedFrom && (asked === undefined || position >= (asked.start ?? asked.from));
			if (isRead && sendMetrics?.status !== 'scheduled') further.push(totalsOf(newsletterId, found, accountId, sender));
			return rowOf({ ...found, isUnwanted: true }, row, { accountId, sender });
		});
		return { ...page, further };
	},
});

function totalsOf(
	newsletterId: string,
	found: Parameters<typeof rowOf>[0],
	accountId: string,
	sender: string,
): FurtherRequest {
	return {
		request: {
			path: `/newsletters/${encodeURIComponent(newsletterId)}/statistics`,
			query: { 'query[groupBy]': 'total' },
		},
		read(response: ApiResponse) {
			const [totals] = understood('GetResponse', statistics, response);
			// When that was is no part of what has changed.
			const { timeInterval: _, ...numbers } = totals ?? {};
			const row = rowOf({ ...found, identity: [...found.identity, hashOf(numbers)] }, totals, { accountId, sender });
			return Promise.resolve({ rows: [row], deadLetters: [] });
		},
		refused: (reason) => {
			const key = `poll:getresponse:newsletterStatistics:refused:${newsletterId}`;
			return { rows: [], deadLetters: [{ key, data: { newsletterId }, reason }] };
		},
	};
}

const imported = z.object({ importId: id, createdOn: moment, status: z.string() });

/**
 * Imports that are finished.
 * @see https://apireference.getresponse.com/#operation/getImportList
 */
export const imports: PollResource = listed({
	name: 'imports',
	displayName: 'Imports Finished',
	...byTime('/imports', 'createdOn'),
	// A person may have to approve of it.
	shownWithinMs: 7 * DAY,
	everyMs: 10 * MINUTE,
	readRow(row) {
		const { data } = imported.safeParse(row);
		if (!data) return 'an import without a usable importId, createdOn or status';
		const { importId, createdOn: position, status } = data;
		const event = {
			type: 'contacts_import_finished',
			position,
			thing: 'import',
			subject: `imports/${importId}`,
			identity: [importId],
			matched: importId,
		};
		return status === 'finished' ? event : { ...event, isUnwanted: true };
	},
});

/** What is told of once, when it was made. */
const made = (what: string, displayName: string, path: string, asked: ReturnType<typeof newestFirst>, field?: string) =>
	listed({
		name: `${what.replace(/_(\w)/, (_, letter: string) => letter.toUpperCase())}s`,
		displayName,
		...asked,
		everyMs: 10 * MINUTE,
		readRow: created(what, path, field),
	});

export const madeThings: readonly PollResource[] = [
	made('form', 'New Forms', 'forms', byTime('/forms', 'createdOn')),
	made('landing_page', 'New Landing Pages', 'landing-pages', byTime('/landing-pages', 'createdOn')),
	made('tag', 'New Tags', 'tags', byTime('/tags', 'createdAt'), 'createdAt'),
	made('suppression', 'New Suppression Lists', 'suppressions', byTime('/suppressions', 'createdOn')),
	made('webinar', 'New Webinars', 'webinars', newestFirst('/webinars', 'createdOn')),
];

/** The orders of a shop; its list tells when they were processed, and can be asked by that alone. */
export function ordersOf(shopId: string): PollResource {
	const path = `/shops/${encodeURIComponent(shopId)}/orders`;
	return listed({
		name: `orders/${shopId}`,
		displayName: `Orders of ${shopId}`,
		order: 'none',
		step: SECOND,
		request: ({ from, ...page }) => ({
			path,
			query: { 'query[processedAt][from]': queryTime(from), 'sort[createdOn]': 'ASC', ...pageOf(page) },
		}),
		sample: (limit) => ({ path, query: { 'sort[createdOn]': 'DESC', ...pageOf({ page: 1, pageSize: limit }) } }),
		readRow: created('order', `shops/${shopId}/orders`, 'processedAt', 'processed'),
	});
}

export function cartsOf(shopId: string): PollResource {
	const path = `/shops/${encodeURIComponent(shopId)}/carts`;
	return listed({
		name: `carts/${shopId}`,
		displayName: `Carts of ${shopId}`,
		...byTime(path, 'createdOn'),
		readRow: created('cart', `shops/${shopId}/carts`),
	});
}

/** @param chosen ids of shops; none for all that there are */
export function shopLists(chosen: readonly string[] = []): ParentResource[] {
	const each = async (transport: Transport, resourceOf: (shopId: string) => PollResource) =>
		(chosen.length > 0 ? chosen : await allIds(transport, '/shops', 'shopId')).map(resourceOf);
	return [
		{ name: 'orders', find: async (transport) => await each(transport, ordersOf) },
		{ name: 'carts', find: async (transport) => await each(transport, cartsOf) },
	];
}
