import type { Ledger, PollSource } from '../../lib';
import { BASE, apiOf, tick } from '../support/described-api';
import { useLedgers } from '../support/ledger';
import { listApis } from '../support/list-apis';

/** Lists of ten real services, each with its own pages and times, read by the fields that a user would fill in. */

const ledgers = useLedgers('sqlite');
const HOUR = 3_600_000;
const ROWS = 25;
const change = { emit: 'change' };
const ten = { pageSize: 10 };

/** What a user enters, but for the URL. */
const settings: Readonly<Record<string, object>> = {
	'GitHub issues': {
		...change,
		...ten,
		cursorField: 'updated_at',
		paging: 'link',
		pageSizeParameter: 'per_page',
		sinceParameter: 'since',
		sinceFormat: 'isoSeconds',
	},
	'Stripe charges': {
		...ten,
		itemsAt: 'data',
		cursorField: 'created',
		timeFormat: 'seconds',
		order: 'descending',
		paging: 'token',
		pageParameter: 'starting_after',
		nextAt: 'data[-1].id',
		pageSizeParameter: 'limit',
		sinceParameter: 'created[gte]',
		sinceFormat: 'seconds',
	},
	'Shopify orders': {
		...change,
		...ten,
		itemsAt: 'orders',
		cursorField: 'updated_at',
		paging: 'link',
		pageSizeParameter: 'limit',
		sinceParameter: 'updated_at_min',
	},
	'WooCommerce orders': {
		...change,
		...ten,
		cursorField: 'date_modified_gmt',
		paging: 'page',
		pageParameter: 'page',
		pageSizeParameter: 'per_page',
	},
	'Zendesk tickets': {
		...change,
		...ten,
		itemsAt: 'tickets',
		cursorField: 'updated_at',
		paging: 'next',
		nextAt: 'links.next',
		pageSizeParameter: 'page[size]',
	},
	'Pipedrive deals': {
		...change,
		...ten,
		itemsAt: 'data',
		cursorField: 'update_time',
		paging: 'offset',
		pageParameter: 'start',
		pageSizeParameter: 'limit',
	},
	'Twilio messages': {
		...change,
		...ten,
		itemsAt: 'messages',
		idField: 'sid',
		cursorField: 'date_updated',
		paging: 'next',
		nextAt: 'next_page_uri',
		pageSizeParameter: 'PageSize',
	},
	'HubSpot contacts': {
		...change,
		...ten,
		itemsAt: 'results',
		cursorField: 'updatedAt',
		paging: 'token',
		pageParameter: 'after',
		nextAt: 'paging.next.after',
		pageSizeParameter: 'limit',
	},
	'Microsoft Graph policies': {
		...change,
		...ten,
		itemsAt: 'value',
		cursorField: 'lastModifiedDateTime',
		paging: 'next',
		nextAt: '@odata.nextLink',
		pageSizeParameter: '$top',
	},
};
const django = {
	...change,
	...ten,
	itemsAt: 'results',
	cursorField: 'updated_at',
	paging: 'next',
	nextAt: 'next',
	pageSizeParameter: 'page_size',
	sinceParameter: 'updated_at__gte',
};

async function drain(ledger: Ledger, source: PollSource) {
	const found: string[] = [];
	for (let idle = 0; idle < 2;) {
		const { events, failure } = await tick(ledger, source, { settings: Math.random() });
		if (failure) throw failure;
		found.push(...events.map(({ subject = '' }) => subject.split('/').at(-1) ?? ''));
		idle = events.length > 0 ? 0 : idle + 1;
	}
	return found.toSorted();
}

test.each(listApis)('$name: all rows, each once, then what is new and what was changed', async (api) => {
	const { name, url } = api;
	const model = api.create();
	const now = Date.now();
	// Some share their second.
	const ids = Array.from({ length: ROWS }, (_, n) => model.add(n + 1, now - 30 * HOUR + Math.floor(n / 2) * HOUR));
	const { origin } = new URL(BASE);
	const { source, asked } = apiOf({ url: `${origin}${url}`, ...(settings[name] ?? django) }, (to, { headers }) => {
		const { status, headers: answered, body } = model.answer({ url: to, headers }, origin, Date.now());
		return { status, headers: answered, raw: body };
	});
	const ledger = await ledgers.open();
	expect(await drain(ledger, source)).toEqual(ids.toSorted());
	const added = model.add(ROWS + 1, now - 1_000);
	expect(await drain(ledger, source)).toEqual([added]);
	if (name !== 'Stripe charges') {
		model.change(3, now - 500);
		expect(await drain(ledger, source)).toEqual([ids[2]]);
	}
	asked.length = 0;
	await tick(ledger, source, { settings: Math.random() });
	// The table in docs/rest-api.md.
	expect({ name, requests: asked.length }).toMatchSnapshot();
});
