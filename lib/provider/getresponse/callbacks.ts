import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { hashOf } from '../../base/hash';
import { MINUTE, formatTime } from '../../base/time';
import { composeKey } from '../../event/key';
import type { ApiResponse } from '../../http/transport';
import { understood } from '../access';
import type { Push, ReadPush } from '../push';
import type { RemoteSubscription, Subscriptions, WantedSubscription } from '../subscription';
import { transportOf } from './access';
import { accessOf, rootOf } from './credential';
import { identify } from './identity';
import { keepsPromise } from './payloads';
import { settingsIn } from './settings';

/**
 * Callbacks: what GetResponse had before webhooks. They can be registered by its API, one for the whole account. They bring
 * five kinds of events as the query of a GET, once: no time, no id, no signature, and what is missed does not come again.
 *
 * @see http://apidocs.getresponse.com/article/callbacks
 */

/** By the names that callbacks give them. `goal` is of former days: it is understood, and cannot be asked for. */
const TYPE_OF_ACTION: Readonly<Record<string, string>> = {
	click: 'contact_clicked_message_link',
	goal: 'contact_goal_reached',
	open: 'contact_opened_message',
	subscribe: 'contact_added',
	survey: 'contact_survey_answered',
	unsubscribe: 'contact_removed_link',
};
const ACTIONS = ['click', 'open', 'subscribe', 'survey', 'unsubscribe'] as const;
const typesOf = (actions: readonly string[]) => actions.map((action) => TYPE_OF_ACTION[action] ?? action).sort();
/** What callbacks can bring, by the names of events. */
const TYPES = typesOf(ACTIONS);

const PATH = '/accounts/callbacks';
const configured = z.object({ url: z.string().nullish(), actions: z.record(z.string(), z.unknown()).nullish() });

export const subscriptions: Subscriptions = {
	secret: 'chosen',
	root: rootOf,
	types: TYPES,
	choice: {
		automatic:
			'Uses GetResponse’s older callback: five kinds of events, each sent once. An account has only one. If it is taken, it is left as it is.',
		byHand:
			'You enter the URL in GetResponse once. It sends all kinds of events, and sends again those that n8n did not get.',
	},
	open({ credential, exchange, settings = {} }) {
		const transport = transportOf(credential, { exchange });
		/** The one that the account has; nothing where callbacks are off. */
		async function present(): Promise<RemoteSubscription | undefined> {
			let response: ApiResponse;
			try {
				response = await transport.send({ path: PATH });
			} catch (error) {
				if (error instanceof HybridSyncError && error.details.status === 404) return undefined;
				throw error;
			}
			const { url: given, actions } = understood('GetResponse', configured, response);
			if (given == null || given === '') return undefined;
			const url = URL.parse(given);
			const mark = url?.searchParams.get('mark') ?? undefined;
			const types = typesOf(ACTIONS.filter((action) => actions?.[action] === true));
			return {
				id: mark ?? 'foreign',
				url: url ? `${url.origin}${url.pathname}` : (given.split(/[?#]/, 1)[0] ?? ''),
				// What has a query of its own is not ours, whatever its mark.
				mark: url?.searchParams.has('secret') ? mark : undefined,
				types,
				isEnabled: true,
			};
		}
		async function write({ url, mark, types, secret = '' }: WantedSubscription): Promise<void> {
			const own = new URL(url);
			own.searchParams.set('mark', mark);
			own.searchParams.set('secret', secret);
			const actions = Object.fromEntries(
				ACTIONS.map((action) => [action, types.includes(TYPE_OF_ACTION[action] ?? '')]),
			);
			await transport.send({ method: 'POST', path: PATH, body: { url: own.href, actions } });
		}
		return {
			apiUrl: accessOf(credential).baseUrl,
			partsOf(types) {
				const wanted = types.length === 0 ? TYPES : TYPES.filter((type) => types.includes(type));
				if (wanted.length > 0) return [wanted];
				throw new HybridSyncError(
					'configuration',
					'Callbacks bring none of the chosen events: they bring contacts that subscribe or unsubscribe, opened messages, clicked links and answered surveys. Choose "Register the Webhook: By Hand".',
				);
			},
			async list() {
				const found = await present();
				return { items: found ? [found] : [] };
			},
			async create(wanted) {
				const found = await present();
				if (found && found.mark !== wanted.mark && !settingsIn(settings).replacesCallback) throw taken(found);
				await write(wanted);
				return { id: wanted.mark };
			},
			async update(_id, wanted) {
				const found = await present();
				if (found && found.mark !== wanted.mark) throw taken(found);
				await write(wanted);
			},
			async remove(mark) {
				// Somebody else may have taken the place.
				if ((await present())?.mark === mark) await transport.send({ method: 'DELETE', path: PATH });
			},
		};
	},
};

/** An account has one, and it is not ours. */
function taken({ url }: RemoteSubscription): HybridSyncError {
	return new HybridSyncError(
		'configuration',
		`GetResponse calls another URL of yours already, and an account has one callback: ${url}. Nothing was changed. Where it is not needed any more, add the option "Replace Another Callback" and publish (to listen for a test, unpublish first); else choose "Register the Webhook: By Hand", which takes nothing away.`,
	);
}

/** Whether a GET is a callback, and not somebody who looks whether anybody answers. */
export const isCallback = (query: URLSearchParams) => Object.hasOwn(TYPE_OF_ACTION, query.get('action') ?? '');

/**
 * The same within this time is the same event: nothing tells a second click from a callback that came twice. Callbacks are
 * not sent again, so what is doubled is doubled on the way.
 */
const WINDOW_MS = MINUTE;

/** Reads one callback into the form that webhooks have, with what it said itself beside. */
export function readCallback({ query, sender, receivedAt }: Push): ReadPush {
	// Of what stands there twice the first counts, as it did for its proof.
	const { secret: _secret, mark: _mark, ...callback } = Object.fromEntries([...query].toReversed());
	const { action = '', ACCOUNT_ID: accountId = 'unknown', CONTACT_ID: contactId } = callback;
	const type = (Object.hasOwn(TYPE_OF_ACTION, action) && TYPE_OF_ACTION[action]) || 'contact_callback';
	const named = (parts: Record<string, string | undefined>) =>
		Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
	const data = {
		type,
		...(contactId !== undefined && {
			contact: {
				...named({ contactId, email: callback['contact_email'], name: callback['contact_name'] }),
				...named({ origin: callback['contact_origin'], ip: callback['contact_ip'] }),
				...(callback['CAMPAIGN_ID'] !== undefined && {
					campaign: named({ campaignId: callback['CAMPAIGN_ID'], name: callback['campaign_name'] }),
				}),
			},
		}),
		...(callback['MESSAGE_ID'] !== undefined && {
			message: named({
				resourceId: callback['MESSAGE_ID'],
				name: callback['message_name'],
				subject: callback['message_subject'],
			}),
		}),
		...(callback['LINK_ID'] !== undefined && {
			clickTrack: named({ clickTrackId: callback['LINK_ID'], url: callback['link_url'] }),
		}),
		account: { accountId },
		event: { occurredAt: formatTime(receivedAt) },
		callback,
	};
	const content = hashOf(callback);
	const about = [contactId ?? '', callback['MESSAGE_ID'] ?? '', callback['LINK_ID'] ?? ''];
	const isActivity = action === 'open' || action === 'click';
	return {
		events: [
			identify(
				{
					type,
					accountId,
					sender,
					time: receivedAt,
					subject: contactId === undefined ? `accounts/${accountId}` : `contacts/${contactId}`,
					matched: isActivity ? about.join(' ') : contactId,
					isAsDocumented: keepsPromise(type, data),
					data,
				},
				composeKey('callback', sender, content, Math.floor(receivedAt / WINDOW_MS)),
				callback,
			),
		],
		deadLetters: [],
	};
}
