import { restTime, wholeSecond } from './contacts';

/** What the simulated account has beside its contacts: each kind of things in a list of its own. */

/** A thing as the API shows it. Its times are whole seconds, in milliseconds since the epoch, and null where there is none. */
export type Thing = Record<string, unknown>;

/** How a list may be asked. */
export interface ListRules {
	/** Name of the id of its things. */
	readonly id: string;
	readonly query: readonly string[];
	readonly sort: readonly string[];
	/** Fields that are times. */
	readonly times: readonly string[];
}

/** By path. @see the query keys that GetResponse's own SDK allows */
export const LISTS: Readonly<Record<string, ListRules>> = {
	'/campaigns': { id: 'campaignId', query: ['name', 'isDefault'], sort: ['name', 'createdOn'], times: ['createdOn'] },
	'/custom-fields': { id: 'customFieldId', query: ['name'], sort: ['name'], times: [] },
	'/forms': {
		id: 'formId',
		query: ['name', 'createdOn', 'campaignId', 'status'],
		sort: ['name', 'createdOn'],
		times: ['createdOn'],
	},
	'/imports': {
		id: 'importId',
		query: ['campaignId', 'createdOn'],
		sort: ['createdOn', 'finishedOn', 'campaignName', 'status'],
		times: ['createdOn', 'finishedOn'],
	},
	'/landing-pages': {
		id: 'landingPageId',
		query: ['domain', 'status', 'subdomain', 'metaTitle', 'userDomain', 'campaignId', 'createdOn'],
		sort: ['createdOn', 'domain', 'campaign', 'metaTitle', 'visits', 'leads', 'subscriptionRate'],
		times: ['createdOn', 'updatedOn'],
	},
	'/newsletters': {
		id: 'newsletterId',
		query: ['subject', 'name', 'status', 'createdOn', 'sendOn', 'type', 'campaignId'],
		sort: ['createdOn', 'sendOn'],
		times: ['createdOn', 'sendOn'],
	},
	'/shops': { id: 'shopId', query: ['name'], sort: ['name', 'createdOn'], times: ['createdOn', 'updatedOn'] },
	'/suppressions': {
		id: 'suppressionId',
		query: ['name', 'createdOn'],
		sort: ['name', 'createdOn'],
		times: ['createdOn'],
	},
	'/tags': { id: 'tagId', query: ['name', 'createdAt'], sort: ['name', 'createdAt'], times: ['createdAt'] },
	'/webinars': {
		id: 'webinarId',
		query: ['name', 'campaignId', 'status', 'type'],
		sort: ['name', 'createdOn', 'startsOn'],
		times: ['createdOn', 'startsOn'],
	},
};
const OF_SHOP: Readonly<Record<string, ListRules>> = {
	orders: {
		id: 'orderId',
		query: ['description', 'status', 'externalId', 'processedAt'],
		sort: ['createdOn'],
		times: ['processedAt'],
	},
	carts: { id: 'cartId', query: ['createdOn', 'externalId'], sort: ['createdOn'], times: ['createdOn', 'updatedOn'] },
};
const OF_CONTACT: ListRules = { id: '', query: ['createdOn'], sort: [], times: ['createdOn'] };

/** The rules of a path; nothing where there is no such list. */
export function rulesOf(path: string): ListRules | undefined {
	if (LISTS[path]) return LISTS[path];
	const [, kind = ''] = /^\/shops\/[^/]+\/(orders|carts)$/.exec(path) ?? [];
	if (OF_SHOP[kind]) return OF_SHOP[kind];
	return /^\/contacts\/[^/]+\/activities$/.test(path) ? OF_CONTACT : undefined;
}

export class Account {
	private readonly lists = new Map<string, Thing[]>();
	private next = 1;
	/** Totals by newsletter. */
	readonly statistics = new Map<string, Thing>();

	constructor(private readonly clock: () => number) {}

	/** Adds a thing to the list of a path, dated now unless said otherwise. */
	add(path: string, fields: Thing = {}): { readonly id: string } & Thing {
		const rules = rulesOf(path);
		if (!rules) throw new Error(`There is no list ${path}`);
		const number = this.next++;
		const id = `${rules.id.slice(0, 1)}${number.toString(36)}`;
		const now = wholeSecond(this.clock());
		const thing: Thing = {
			...(rules.id !== '' && { [rules.id]: id, href: `https://api.getresponse.com/v3${path}/${id}` }),
			// Of the others GetResponse shows no name. One of a tag has no spaces in it.
			...(rules.query.includes('name') && { name: `Thing${number}` }),
			...Object.fromEntries(rules.times.map((field) => [field, field === 'finishedOn' ? null : now])),
			...fields,
		};
		this.all(path).push(thing);
		const { [rules.id]: own = id } = thing;
		return Object.assign(thing, { id: typeof own === 'string' ? own : id });
	}

	/** The things of a path, to be changed too. */
	all(path: string): Thing[] {
		const known = this.lists.get(path);
		if (known) return known;
		const fresh: Thing[] = [];
		this.lists.set(path, fresh);
		return fresh;
	}

	/** As the API shows it. */
	toRest(path: string, { id: _, ...thing }: Thing): Thing {
		const times: readonly string[] = rulesOf(path)?.times ?? [];
		return Object.fromEntries(
			Object.entries(thing).map(([name, value]) => [
				name,
				times.includes(name) && typeof value === 'number' ? restTime(value) : value,
			]),
		);
	}
}
