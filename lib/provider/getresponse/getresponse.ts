import { HybridSyncError } from '../../base/errors';
import type { ApiResponse } from '../../http/transport';
import { schemes } from '../../signature/schemes';
import type { Provider, ProviderCredential } from '../provider';
import { qualifiedType } from '../provider';
import type { PollApi, PollResource, PullUse, ReadRows } from '../pull';
import { accountOf, transportOf } from './access';
import { imports, madeThings, newsletterStatistics, newsletters, shopLists } from './account-lists';
import { isCallback, readCallback, subscriptions } from './callbacks';
import { activities, changedContacts, newContacts, searches } from './contacts';
import { requireWebhookSecret, webhookSecrets } from './credential';
import { withDetails } from './details';
import { eventTypes } from './event-types';
import { pickers } from './pickers';
import { listOf, readPush } from './push';
import { listsField, pullOptions, pushOptions, settingsIn } from './settings';

/** What is wrong with a credential, in words: by status, and by what GetResponse says beside it. */
function refusal(error: unknown): unknown {
	if (!(error instanceof HybridSyncError)) return error;
	const { code, details, message } = error;
	const words = (text: string) => new HybridSyncError('credential-invalid', `${text} ${message}`, details);
	if (details.status === 401) {
		return words(
			'GetResponse refused the API key, or the Client ID and Client Secret. Check them, and that the region is that of your account.',
		);
	}
	if (details.status === 403) {
		return words(
			'The API key or application is not accepted, is blocked, or may not do this. Check it, and its account in GetResponse.',
		);
	}
	if (details.status === 404) {
		return words(
			'GetResponse does not know the domain, or there is no API at that URL. Check Domain and Region, or the API URL.',
		);
	}
	return code === 'bad-response' ? words('What answers is not the API of GetResponse. Check the API URL.') : error;
}

const apiKey: ProviderCredential = {
	type: 'hybridSyncGetResponseApi',
	displayName: 'GetResponse',
	async test(credential, exchange) {
		try {
			await accountOf(transportOf(credential, { exchange }));
		} catch (error) {
			throw refusal(error);
		}
		return 'The credential works. GetResponse lets an API key expire that is not used for 90 days; polling uses it.';
	},
};

/** By the names that events refer to: of the contacts there may be many, one for each list, contact or shop. */
const RESOURCES = Object.fromEntries(
	Object.values(eventTypes).flatMap(({ resource: name, displayName }) =>
		name === undefined ? [] : [[name, { name, displayName }]],
	),
);

const nameOf = (type: string) => qualifiedType('getresponse', type);
const ONLY_BY_NAME = new Set(
	Object.entries(eventTypes).flatMap(([type, { onlyByName }]) => (onlyByName ? nameOf(type) : [])),
);

/** A resource of which the events of some types are wanted: of those that are chosen, or where none is, of the usual ones. */
function only(resource: PollResource, types: readonly string[]): PollResource {
	const wanted = new Set(types.map(nameOf));
	const wants = (type: string) => (wanted.size > 0 ? wanted.has(type) : !ONLY_BY_NAME.has(type));
	const mark = <R extends ReadRows>(page: R): R => {
		return {
			...page,
			rows: page.rows.map((row) => (wants(row.event.type) ? row : { ...row, isUnwanted: true })),
		};
	};
	return {
		...resource,
		async read(...asked) {
			const { further, ...page } = mark(await resource.read(...asked));
			const marked = further?.map((each) => ({
				...each,
				read: async (response: ApiResponse) => mark(await each.read(response)),
			}));
			return { ...page, ...(marked && { further: marked }) };
		},
	};
}

function openPull({ credential, exchange, share, settings, types = [] }: PullUse): PollApi {
	const { lists, shops, followContacts, followLists, addDetails, customFields, ...chosen } = settingsIn(settings);
	const contacts = [newContacts(lists), changedContacts(lists)].map((resource) => only(resource, types));
	const others = [imports, newsletters, newsletterStatistics(chosen.newsletters), ...madeThings];
	const parents = [
		...searches(lists),
		activities({ contacts: followContacts, lists: followLists ? lists : undefined }),
		...shopLists(shops),
	];
	return {
		resources: [
			// Details are asked for of what is wanted.
			...(addDetails ? contacts.map((resource) => withDetails(resource, customFields)) : contacts),
			...others.map((resource) => only(resource, types)),
		],
		parents: parents.map((parent) => ({
			name: parent.name,
			find: async (transport) => (await parent.find(transport)).map((resource) => only(resource, types)),
		})),
		transport: transportOf(credential, { exchange, share }),
		account: accountOf,
	};
}

/**
 * GetResponse: webhooks as its documentation describes them, and API v3.
 * @see https://apidocs.getresponse.com/v3/webhooks
 * @see https://apireference.getresponse.com
 */
export const getResponse = {
	name: 'getresponse',
	displayName: 'GetResponse',
	events: eventTypes,
	push: {
		credentials: [apiKey],
		fields: [listsField],
		options: pushOptions,
		subscriptions,
		setup:
			'You enter the URL in GetResponse yourself. Publish with an empty Webhook Secret in the credential: the message gives you a random secret, and the whole URL to enter in GetResponse under Integrations and API, API, Webhooks. Later you find the URL as the Production URL under "Webhook URLs" above: append ?secret= and the secret.',
		secrets: webhookSecrets,
		requireSecret: requireWebhookSecret,
		requireFields: settingsIn,
		open: ({ settings }) => ({
			scheme: schemes.getresponse,
			// A success without exactly this body is delivered again.
			success: { status: 200, contentType: 'application/json', body: '{"status":"OK"}' },
			bringsByGet: isCallback,
			read(push) {
				// What cannot be understood is told of before anything is let in or dropped.
				settingsIn(settings());
				return push.isGet ? readCallback(push) : readPush(push);
			},
			lets(event) {
				const { lists } = settingsIn(settings());
				const list = listOf(event);
				// What names no list, such as a report, is about none of them.
				return lists.length === 0 || list === undefined || lists.includes(list);
			},
		}),
	},
	pull: {
		credentials: [apiKey],
		resources: RESOURCES,
		findsEvents: true,
		fields: [listsField],
		options: pullOptions,
		searches: pickers,
		hasKnownLimits: true,
		open: openPull,
	},
} as const satisfies Provider;
