import type { ServiceName } from '../../lib/provider/any-service/services';

/** A request as a service sends it, in short, and what is to be understood of it. */
export interface ServiceSample {
	readonly body: unknown;
	readonly headers?: Readonly<Record<string, string>>;
	/** As a form, with brackets where fields have fields. */
	readonly form?: true;
	/** One for each event: type, subject and time. */
	readonly events: readonly (readonly [type: string, subject: string, time?: string])[];
	/** What changes when another event of the kind is sent: merged into the body, or into its first event. */
	readonly another: { readonly body?: Record<string, unknown>; readonly headers?: Record<string, string> };
}

const at = '2025-10-09T08:53:20.000Z';
const seconds = 1_760_000_000;
const milliseconds = 1_760_000_000_000;

const hubspot: ServiceSample = {
	body: [
		{
			eventId: 1,
			subscriptionId: 7,
			portalId: 62515,
			objectId: 123,
			occurredAt: milliseconds,
			subscriptionType: 'contact.creation',
			attemptNumber: 0,
		},
		{
			eventId: 2,
			subscriptionId: 8,
			portalId: 62515,
			objectId: 123,
			propertyName: 'email',
			occurredAt: milliseconds,
			subscriptionType: 'contact.propertyChange',
			attemptNumber: 0,
		},
	],
	events: [
		['contact.creation', '123', at],
		['contact.propertyChange', '123', at],
	],
	another: { body: { objectId: 124 } },
};
const mailchimp: ServiceSample = {
	form: true,
	body: {
		type: 'subscribe',
		fired_at: '2025-10-09 08:53:20',
		data: {
			id: '8a25ff1d98',
			list_id: 'a6b5da1054',
			email: 'api@example.com',
			merges: { EMAIL: 'api@example.com', FNAME: 'Zoë' },
		},
	},
	events: [['subscribe', '8a25ff1d98', at]],
	another: { body: { fired_at: '2025-10-09 08:54:20' } },
};
const mailerlite: ServiceSample = {
	body: {
		event: 'subscriber.created',
		account_id: 1,
		id: '99',
		email: 'a@example.com',
		updated_at: '2025-10-09 08:53:20',
	},
	events: [['subscriber.created', '99', at]],
	another: { body: { id: '100' } },
};

/** Every service by its name. */
export const samples: Readonly<Record<ServiceName, ServiceSample>> = {
	activecampaign: {
		form: true,
		body: {
			type: 'subscribe',
			date_time: '2025-10-09T08:53:20+00:00',
			list: '2',
			contact: { id: '7', email: 'a@example.com', fields: { plan: 'pro' } },
		},
		events: [['subscribe', '7', at]],
		another: { body: { date_time: '2025-10-09T08:53:21+00:00' } },
	},
	basicAuth: { body: { anything: 1 }, events: [['webhook', 'webhook']], another: { body: { anything: 2 } } },
	bearerToken: { body: { anything: 1 }, events: [['webhook', 'webhook']], another: { body: { anything: 2 } } },
	bitbucket: {
		body: { repository: { full_name: 'team/repo', uuid: '{1}' }, push: {} },
		headers: { 'X-Event-Key': 'repo:push', 'X-Request-UUID': 'u1' },
		events: [['repo:push', 'team/repo']],
		another: { body: { push: { n: 2 } }, headers: { 'X-Request-UUID': 'u2' } },
	},
	brevo: {
		body: { event: 'delivered', email: 'a@example.com', id: 5, 'message-id': '<1@x>', ts_epoch: milliseconds },
		events: [['delivered', 'a@example.com', at]],
		another: { body: { event: 'opened' } },
	},
	calendly: {
		body: {
			event: 'invitee.created',
			created_at: '2025-10-09T08:53:20.000000Z',
			payload: { uri: 'https://api.calendly.com/i/1' },
		},
		events: [['invitee.created', 'https://api.calendly.com/i/1', at]],
		another: { body: { event: 'invitee.canceled' } },
	},
	custom: { body: { anything: 1 }, events: [['webhook', 'webhook']], another: { body: { anything: 2 } } },
	customerIo: {
		body: { event_id: '01E4', object_type: 'email', metric: 'opened', timestamp: seconds, data: { customer_id: '42' } },
		events: [['email.opened', '42', at]],
		another: { body: { event_id: '01E5' } },
	},
	github: {
		body: { action: 'opened', issue: { id: 1 }, repository: { full_name: 'octo/repo' } },
		headers: { 'X-GitHub-Event': 'issues', 'X-GitHub-Delivery': 'd-1' },
		events: [['issues.opened', 'octo/repo']],
		another: { body: { issue: { id: 2 } }, headers: { 'X-GitHub-Delivery': 'd-2' } },
	},
	headerToken: { body: { anything: 1 }, events: [['webhook', 'webhook']], another: { body: { anything: 2 } } },
	hubspotV1: hubspot,
	hubspotV2: hubspot,
	hubspotV3: hubspot,
	intercom: {
		body: {
			type: 'notification_event',
			id: 'notif_1',
			topic: 'contact.created',
			created_at: seconds,
			data: { item: { id: 'c1' } },
		},
		events: [['contact.created', 'c1', at]],
		another: { body: { id: 'notif_2' } },
	},
	jira: {
		body: { webhookEvent: 'jira:issue_created', timestamp: milliseconds, issue: { id: '10', key: 'AB-1' } },
		headers: { 'X-Atlassian-Webhook-Identifier': 'w1' },
		events: [['jira:issue_created', 'AB-1', at]],
		another: { body: { timestamp: milliseconds + 1 }, headers: { 'X-Atlassian-Webhook-Identifier': 'w2' } },
	},
	klaviyo: {
		body: {
			data: [
				{ external_id: 'e1', topic: 'event:klaviyo.opened_email', payload: { data: { attributes: { datetime: at } } } },
				{ external_id: 'e2', topic: 'event:klaviyo.opened_email', payload: { data: { attributes: { datetime: at } } } },
			],
			meta: {},
		},
		events: [
			['event:klaviyo.opened_email', 'event:klaviyo.opened_email', at],
			['event:klaviyo.opened_email', 'event:klaviyo.opened_email', at],
		],
		another: { body: { data: [{ external_id: 'e3', topic: 'x' }] } },
	},
	lemonSqueezy: {
		body: {
			meta: { event_name: 'order_created', webhook_id: 'w' },
			data: { type: 'orders', id: '1', attributes: { updated_at: '2025-10-09T08:53:20.000000Z' } },
		},
		events: [['order_created', '1', at]],
		another: { body: { meta: { event_name: 'order_refunded', webhook_id: 'w' } } },
	},
	line: {
		body: {
			destination: 'x',
			events: [
				{ type: 'message', webhookEventId: 'L1', timestamp: milliseconds, source: { userId: 'U1' } },
				{ type: 'follow', webhookEventId: 'L2', timestamp: milliseconds, source: { userId: 'U2' } },
			],
		},
		events: [
			['message', 'U1', at],
			['follow', 'U2', at],
		],
		another: { body: { events: [{ type: 'message', webhookEventId: 'L3' }] } },
	},
	linear: {
		body: { type: 'Issue', action: 'create', createdAt: at, webhookTimestamp: milliseconds, data: { id: 'i1' } },
		headers: { 'Linear-Delivery': 'l1' },
		events: [['Issue.create', 'i1', at]],
		another: { body: { data: { id: 'i2' } }, headers: { 'Linear-Delivery': 'l2' } },
	},
	mailchimp,
	mailchimpSigned: mailchimp,
	mailerlite,
	mailerliteClassic: {
		body: {
			events: [
				{ type: 'subscriber.create', timestamp: seconds, data: { subscriber: { id: 5 } } },
				{ type: 'subscriber.update', timestamp: seconds, data: { subscriber: { id: 5 } } },
			],
		},
		events: [
			['subscriber.create', '5', at],
			['subscriber.update', '5', at],
		],
		another: {
			body: { events: [{ type: 'subscriber.create', timestamp: seconds + 1, data: { subscriber: { id: 5 } } }] },
		},
	},
	mailgun: {
		body: { 'event-data': { id: 'm1', event: 'delivered', timestamp: seconds, recipient: 'a@example.com' } },
		events: [['delivered', 'a@example.com', at]],
		another: { body: { 'event-data': { id: 'm2', event: 'opened', timestamp: seconds, recipient: 'a@example.com' } } },
	},
	mandrill: {
		form: true,
		body: {
			mandrill_events: JSON.stringify([
				{ event: 'open', _id: 'x1', ts: seconds, msg: { email: 'a@example.com' } },
				{ event: 'click', _id: 'x1', ts: seconds, url: 'https://e.example', msg: { email: 'a@example.com' } },
			]),
		},
		events: [
			['open', 'a@example.com', at],
			['click', 'a@example.com', at],
		],
		another: { body: { mandrill_events: JSON.stringify([{ event: 'open', _id: 'x2', ts: seconds }]) } },
	},
	mautic: {
		body: { 'mautic.lead_post_save_update': [{ contact: { id: 5 } }], timestamp: '2025-10-09T08:53:20+00:00' },
		events: [['webhook', 'webhook', at]],
		another: { body: { timestamp: '2025-10-09T08:53:21+00:00' } },
	},
	meta: {
		body: {
			object: 'page',
			entry: [
				{ id: 'p1', time: milliseconds, changes: [] },
				{ id: 'p2', time: milliseconds, changes: [] },
			],
		},
		events: [
			['page', 'p1', at],
			['page', 'p2', at],
		],
		another: { body: { entry: [{ id: 'p1', time: milliseconds + 1, changes: [] }] } },
	},
	mux: {
		body: { id: 'ev1', type: 'video.asset.ready', created_at: at, object: { id: 'a1' } },
		events: [['video.asset.ready', 'a1', at]],
		another: { body: { id: 'ev2' } },
	},
	paddle: {
		body: {
			event_id: 'evt_1',
			event_type: 'transaction.paid',
			occurred_at: at,
			notification_id: 'ntf_1',
			data: { id: 'txn_1' },
		},
		events: [['transaction.paid', 'txn_1', at]],
		another: { body: { event_id: 'evt_2' } },
	},
	pagerduty: {
		body: { event: { id: '01B', event_type: 'incident.triggered', occurred_at: at, data: { id: 'P1' } } },
		events: [['incident.triggered', 'P1', at]],
		another: { body: { event: { id: '01C', event_type: 'incident.triggered', occurred_at: at, data: { id: 'P1' } } } },
	},
	postmark: {
		body: { RecordType: 'Delivery', MessageID: 'm1', Recipient: 'a@example.com', DeliveredAt: '2025-10-09T08:53:20Z' },
		events: [['Delivery', 'm1', at]],
		another: { body: { MessageID: 'm2' } },
	},
	razorpay: {
		body: { event: 'payment.captured', created_at: seconds, payload: { payment: { entity: { id: 'pay_1' } } } },
		headers: { 'X-Razorpay-Event-Id': 'r1' },
		events: [['payment.captured', 'pay_1', at]],
		another: { body: { created_at: seconds + 1 }, headers: { 'X-Razorpay-Event-Id': 'r2' } },
	},
	rfc9421: { body: { anything: 1 }, events: [['webhook', 'webhook']], another: { body: { anything: 2 } } },
	sanity: {
		body: { _id: 'doc1', _updatedAt: at },
		headers: { 'idempotency-key': 'k1', 'sanity-operation': 'update', 'sanity-document-id': 'doc1' },
		events: [['update', 'doc1', at]],
		another: { body: { title: 'x' }, headers: { 'idempotency-key': 'k2' } },
	},
	sendgrid: {
		body: [
			{ sg_event_id: 's1', event: 'open', email: 'a@example.com', timestamp: seconds },
			{ sg_event_id: 's2', event: 'click', email: 'a@example.com', timestamp: seconds },
		],
		events: [
			['open', 'a@example.com', at],
			['click', 'a@example.com', at],
		],
		another: { body: { sg_event_id: 's3' } },
	},
	shopify: {
		body: { id: 450789469, admin_graphql_api_id: 'gid://shopify/Order/450789469', updated_at: at },
		headers: {
			'X-Shopify-Topic': 'orders/create',
			'X-Shopify-Event-Id': 'e1',
			'X-Shopify-Webhook-Id': 'w1',
			'X-Shopify-Triggered-At': '2025-10-09T08:53:20.000000000Z',
		},
		events: [['orders/create', 'gid://shopify/Order/450789469', at]],
		another: { body: { id: 2 }, headers: { 'X-Shopify-Event-Id': 'e2' } },
	},
	slack: {
		body: { type: 'event_callback', event_id: 'Ev1', event_time: seconds, event: { type: 'message', channel: 'C1' } },
		events: [['message', 'C1', at]],
		another: { body: { event_id: 'Ev2' } },
	},
	square: {
		body: {
			event_id: 'q1',
			type: 'payment.created',
			created_at: '2025-10-09T08:53:20.000000000Z',
			data: { id: 'pm1' },
		},
		events: [['payment.created', 'pm1', at]],
		another: { body: { event_id: 'q2' } },
	},
	standardWebhooks: {
		body: { type: 'invoice.paid', timestamp: at, data: { id: 'inv_1' } },
		events: [['invoice.paid', 'inv_1', at]],
		another: { headers: { 'webhook-id': 'msg_2' } },
	},
	stripe: {
		body: { id: 'evt_1', type: 'invoice.paid', created: seconds, data: { object: { id: 'in_1' } } },
		events: [['invoice.paid', 'in_1', at]],
		another: { body: { id: 'evt_2' } },
	},
	svix: {
		body: { type: 'invoice.paid', timestamp: at, data: { id: 'inv_1' } },
		events: [['invoice.paid', 'inv_1', at]],
		another: { headers: { 'svix-id': 'msg_2' } },
	},
	twilio: {
		form: true,
		body: { MessageSid: 'SM1', MessageStatus: 'delivered', AccountSid: 'AC1' },
		headers: { 'I-Twilio-Idempotency-Token': 't1' },
		events: [['delivered', 'SM1']],
		another: { body: { MessageSid: 'SM2' }, headers: { 'I-Twilio-Idempotency-Token': 't2' } },
	},
	typeform: {
		body: { event_id: 't1', event_type: 'form_response', form_response: { token: 'tok1', submitted_at: at } },
		events: [['form_response', 'tok1', at]],
		another: { body: { event_id: 't2' } },
	},
	urlSecret: { body: { anything: 1 }, events: [['webhook', 'webhook']], another: { body: { anything: 2 } } },
	woocommerce: {
		body: { id: 727, status: 'processing', date_modified_gmt: '2025-10-09T08:53:20' },
		headers: { 'X-WC-Webhook-Topic': 'order.updated', 'X-WC-Webhook-Delivery-ID': 'h1' },
		events: [['order.updated', '727', at]],
		another: { body: { date_modified_gmt: '2025-10-09T08:53:21' } },
	},
	zendesk: {
		body: { id: 'x', type: 'zen:event-type:ticket.created', time: at, subject: 'zen:ticket:1' },
		headers: { 'X-Zendesk-Webhook-Invocation-Id': 'z1' },
		events: [['zen:event-type:ticket.created', 'zen:ticket:1', at]],
		another: { body: { id: 'y' }, headers: { 'X-Zendesk-Webhook-Invocation-Id': 'z2' } },
	},
	zoom: {
		body: { event: 'meeting.started', event_ts: milliseconds, payload: { account_id: 'a', object: { id: '123' } } },
		events: [['meeting.started', '123', at]],
		another: { body: { event: 'meeting.ended' } },
	},
};
