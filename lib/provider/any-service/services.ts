import type { SchemeName } from '../../signature/schemes';

/**
 * Where a value of an event stands: a JSON path, `header:NAME`, or `query:NAME`. Several joined by ` + ` become one text with
 * dots between them. In a batch a path is looked up in the event first, and then in the whole body.
 */
export type Source = string;

/** How events are found in the requests of a service; of several sources the first that is there counts. */
export interface EventRecipe {
	/** Path to the list of events in the body. A body that is a list is one anyway. */
	readonly batch?: string;
	/** What the service itself keeps the same for one event, over its retries. */
	readonly id?: readonly Source[];
	/**
	 * What tells events apart where there is no such id: of several groups the first counts of which nothing is missing, but for
	 * parts with a `?`. Without groups, or where something of each is missing, all counts that an event says.
	 */
	readonly keyParts?: readonly (readonly Source[])[];
	/** Fields that differ when the same event is sent again. */
	readonly volatile?: readonly string[];
	readonly type?: readonly Source[];
	/** The entity that it is about. */
	readonly subject?: readonly Source[];
	readonly time?: readonly Source[];
	/** The field of a form whose value is the JSON text that matters. */
	readonly formField?: string;
	/** The signature does not cover the event, but something that is used once. */
	readonly isUncovered?: true;
	/** Without this an authentic body is no event, but the service telling of trouble of its own. */
	readonly requires?: readonly Source[];
}

/** What the secret of a service is, for the credential. */
export type SecretKind =
	/** A text that the service shows, or that the user chose there. */
	| 'secret'
	/** `whsec_…`, or `whpk_…` for a public key. */
	| 'standard-webhooks'
	| 'public-key'
	/** A public key, or a shared secret in base64. */
	| 'message-key'
	/** Made up by the user, and appended to the URL. */
	| 'url-secret'
	| 'bearer'
	| 'basic'
	/** A header of the user's choice. */
	| 'header'
	| 'custom';

/** A service that sends webhooks: how it proves itself, where its secret is found, and how its events are read. */
export interface WebhookService {
	readonly displayName: string;
	/** Absent where the user composes it. */
	readonly scheme?: SchemeName;
	readonly secret: SecretKind;
	/** Where in the service the secret stands. */
	readonly find: string;
	/** The shortest that the service gives out, or accepts. */
	readonly minLength?: number;
	readonly event: EventRecipe;
	/** A question that it asks before it sends events. */
	readonly handshake?: 'meta' | 'slack' | 'zoom';
}

const OWN_URL = 'Make up at least 16 letters and digits, and append them to the webhook URL as ?secret=…';

/** By name. A new service is an entry here, and one in the table of signature schemes where it has a scheme of its own. */
export const services = {
	activecampaign: {
		displayName: 'ActiveCampaign',
		scheme: 'activecampaign',
		secret: 'url-secret',
		find: OWN_URL,
		event: {
			type: ['type'],
			subject: ['contact.id', 'deal.id', 'campaign.id'],
			time: ['date_time'],
		},
	},
	basicAuth: {
		displayName: 'Other: Basic Auth',
		scheme: 'basic-auth',
		secret: 'basic',
		find: 'Enter the same user and password at the service.',
		event: {},
	},
	bearerToken: {
		displayName: 'Other: Bearer Token',
		scheme: 'bearer-token',
		secret: 'bearer',
		find: 'Enter the same token at the service.',
		event: {},
	},
	bitbucket: {
		displayName: 'Bitbucket',
		scheme: 'bitbucket',
		secret: 'secret',
		find: 'The Secret of the webhook, under Repository Settings, Webhooks.',
		event: {
			id: ['header:x-request-uuid'],
			type: ['header:x-event-key'],
			subject: ['repository.full_name', 'repository.uuid'],
			time: ['date'],
		},
	},
	brevo: {
		displayName: 'Brevo',
		scheme: 'brevo',
		secret: 'bearer',
		find: 'The token that you entered as authentication of the webhook. With a user and password choose Other: Basic Auth.',
		event: {
			keyParts: [
				['event', 'message-id', 'ts_epoch', 'email', 'link?'],
				['event', 'email', 'camp_id', 'ts_event', 'URL?'],
			],
			type: ['event'],
			subject: ['email'],
			time: ['ts_epoch', 'ts_event', 'ts'],
		},
	},
	calendly: {
		displayName: 'Calendly',
		scheme: 'calendly',
		secret: 'secret',
		find: 'The signing_key with which the webhook subscription was created.',
		event: {
			keyParts: [['event', 'payload.uri', 'created_at']],
			type: ['event'],
			subject: ['payload.uri'],
			time: ['created_at'],
		},
	},
	custom: {
		displayName: 'Other: Signed (Custom)',
		secret: 'custom',
		find: 'The signing secret that the service shows beside the webhook.',
		event: {},
	},
	customerIo: {
		displayName: 'Customer.io',
		scheme: 'customer-io',
		secret: 'secret',
		find: 'The webhook signing key of the reporting webhook, under Data & Integrations.',
		event: {
			id: ['event_id'],
			type: ['object_type + metric', 'metric'],
			subject: ['data.customer_id', 'data.identifiers.id'],
			time: ['timestamp'],
		},
	},
	github: {
		displayName: 'GitHub',
		scheme: 'github',
		secret: 'secret',
		find: 'The Secret of the webhook, under Settings, Webhooks.',
		event: {
			id: ['header:x-github-delivery'],
			type: ['header:x-github-event + action', 'header:x-github-event'],
			subject: ['repository.full_name', 'organization.login'],
			formField: 'payload',
		},
	},
	headerToken: {
		displayName: 'Other: Secret in a Header',
		secret: 'header',
		find: 'Enter the same header and value at the service.',
		event: {},
	},
	hubspotV1: {
		displayName: 'HubSpot (Signature v1)',
		scheme: 'hubspot-v1',
		secret: 'secret',
		find: 'The Client secret of the app, under Auth.',
		event: hubspotEvent(),
	},
	hubspotV2: {
		displayName: 'HubSpot (Signature v2, Workflows)',
		scheme: 'hubspot-v2',
		secret: 'secret',
		find: 'The Client secret of the app, under Auth.',
		event: hubspotEvent(),
	},
	hubspotV3: {
		displayName: 'HubSpot (Signature v3)',
		scheme: 'hubspot-v3',
		secret: 'secret',
		find: 'The Client secret of the app, under Auth.',
		event: hubspotEvent(),
	},
	intercom: {
		displayName: 'Intercom',
		scheme: 'intercom',
		secret: 'secret',
		find: 'The Client secret of the app, under Basic Information in the Developer Hub.',
		event: {
			id: ['id'],
			volatile: ['delivery_attempts', 'delivery_status', 'delivered_at'],
			type: ['topic'],
			subject: ['data.item.id'],
			time: ['created_at'],
		},
	},
	jira: {
		displayName: 'Jira',
		scheme: 'jira',
		secret: 'secret',
		find: 'The Secret of the webhook, under System, WebHooks.',
		event: {
			id: ['header:x-atlassian-webhook-identifier'],
			type: ['webhookEvent'],
			subject: ['issue.key', 'issue.id', 'project.key'],
			time: ['timestamp'],
		},
	},
	klaviyo: {
		displayName: 'Klaviyo',
		scheme: 'klaviyo',
		secret: 'secret',
		minLength: 16,
		find: 'The secret key with which the webhook was created, of at least 16 characters.',
		event: {
			batch: 'data',
			id: ['external_id'],
			type: ['topic'],
			subject: ['payload.data.relationships.profile.data.id', 'payload.relationships.profile.data.id'],
			time: ['payload.data.attributes.datetime', 'payload.attributes.datetime'],
		},
	},
	lemonSqueezy: {
		displayName: 'Lemon Squeezy',
		scheme: 'lemon-squeezy',
		secret: 'secret',
		find: 'The Signing secret of the webhook, under Settings, Webhooks.',
		event: {
			type: ['meta.event_name', 'header:x-event-name'],
			subject: ['data.id'],
			time: ['data.attributes.updated_at', 'data.attributes.created_at'],
		},
	},
	line: {
		displayName: 'LINE',
		scheme: 'line',
		secret: 'secret',
		find: 'The Channel secret, under Basic settings of the channel.',
		event: {
			batch: 'events',
			id: ['webhookEventId'],
			volatile: ['deliveryContext'],
			type: ['type'],
			subject: ['source.userId', 'source.groupId', 'source.roomId'],
			time: ['timestamp'],
		},
	},
	linear: {
		displayName: 'Linear',
		scheme: 'linear',
		secret: 'secret',
		find: 'The Signing secret of the webhook, under Settings, API.',
		event: {
			id: ['header:linear-delivery'],
			volatile: ['webhookTimestamp'],
			type: ['type + action', 'type'],
			subject: ['data.id'],
			time: ['createdAt', 'webhookTimestamp'],
		},
	},
	mailchimp: {
		displayName: 'Mailchimp (Secret in the URL)',
		scheme: 'mailchimp-url-secret',
		secret: 'url-secret',
		find: OWN_URL,
		event: mailchimpEvent(),
	},
	mailchimpSigned: {
		displayName: 'Mailchimp (Signed)',
		scheme: 'mailchimp',
		secret: 'secret',
		find: 'The signing_secret that the API answered when the webhook was created. Without one choose Mailchimp (Secret in the URL).',
		event: mailchimpEvent(),
	},
	mailerlite: {
		displayName: 'MailerLite',
		scheme: 'mailerlite',
		secret: 'secret',
		find: 'The secret of the webhook, under Integrations, Webhooks.',
		event: mailerliteEvent(),
	},
	mailerliteClassic: {
		displayName: 'MailerLite Classic',
		scheme: 'mailerlite-classic',
		secret: 'secret',
		find: 'The API key of the account, which signs the webhooks of MailerLite Classic.',
		event: mailerliteEvent(),
	},
	mailgun: {
		displayName: 'Mailgun',
		scheme: 'mailgun',
		secret: 'secret',
		find: 'The HTTP webhook signing key, under API Security.',
		event: {
			id: ['event-data.id'],
			type: ['event-data.event'],
			subject: ['event-data.recipient'],
			time: ['event-data.timestamp'],
			volatile: ['signature'],
			isUncovered: true,
		},
	},
	mandrill: {
		displayName: 'Mandrill (Mailchimp Transactional)',
		scheme: 'mandrill',
		secret: 'secret',
		find: 'The Key of the webhook, in the list of webhooks.',
		event: {
			formField: 'mandrill_events',
			type: ['event', 'type'],
			subject: ['msg.email', '_id'],
			time: ['ts'],
		},
	},
	mautic: {
		displayName: 'Mautic',
		scheme: 'mautic',
		secret: 'secret',
		find: 'The Secret of the webhook.',
		event: { time: ['timestamp'] },
	},
	meta: {
		displayName: 'Meta (Facebook, Instagram, WhatsApp)',
		scheme: 'meta',
		secret: 'secret',
		find: 'The App secret, under App settings, Basic. The Verify Token is the one that you enter beside the callback URL.',
		handshake: 'meta',
		event: { batch: 'entry', type: ['object'], subject: ['id'], time: ['time'] },
	},
	mux: {
		displayName: 'Mux',
		scheme: 'mux',
		secret: 'secret',
		find: 'The Signing Secret of the webhook, under Settings, Webhooks.',
		event: { id: ['id'], type: ['type'], subject: ['object.id', 'data.id'], time: ['created_at'] },
	},
	paddle: {
		displayName: 'Paddle',
		scheme: 'paddle',
		secret: 'secret',
		find: 'The Secret key of the notification destination, under Developer tools, Notifications.',
		event: {
			id: ['event_id'],
			volatile: ['notification_id'],
			type: ['event_type'],
			subject: ['data.id'],
			time: ['occurred_at'],
		},
	},
	pagerduty: {
		displayName: 'PagerDuty',
		scheme: 'pagerduty',
		secret: 'secret',
		find: 'The secret that was shown when the webhook subscription was created.',
		event: {
			id: ['event.id'],
			type: ['event.event_type'],
			subject: ['event.data.id'],
			time: ['event.occurred_at'],
		},
	},
	postmark: {
		displayName: 'Postmark',
		scheme: 'postmark',
		secret: 'basic',
		find: 'The user and password that you entered as Basic auth of the webhook.',
		event: {
			type: ['RecordType'],
			subject: ['MessageID', 'Recipient', 'Email'],
			time: ['ReceivedAt', 'DeliveredAt', 'BouncedAt', 'ChangedAt'],
		},
	},
	razorpay: {
		displayName: 'Razorpay',
		scheme: 'razorpay',
		secret: 'secret',
		find: 'The Secret that you entered for the webhook, under Account & Settings, Webhooks.',
		event: {
			id: ['header:x-razorpay-event-id'],
			type: ['event'],
			subject: [
				'payload.payment.entity.id',
				'payload.order.entity.id',
				'payload.subscription.entity.id',
				'payload.refund.entity.id',
			],
			time: ['created_at'],
		},
	},
	rfc9421: {
		displayName: 'Other: HTTP Message Signatures (RFC 9421)',
		scheme: 'rfc9421',
		secret: 'message-key',
		find: 'The public key of the service as PEM, JWK or base64, or the shared secret in base64.',
		event: {},
	},
	sanity: {
		displayName: 'Sanity',
		scheme: 'sanity',
		secret: 'secret',
		find: 'The Secret of the webhook, under API, Webhooks.',
		event: {
			id: ['header:idempotency-key'],
			type: ['header:sanity-operation'],
			subject: ['header:sanity-document-id', '_id'],
		},
	},
	sendgrid: {
		displayName: 'SendGrid',
		scheme: 'sendgrid',
		secret: 'public-key',
		find: 'The Verification Key of the event webhook, under Settings, Mail Settings, Event Webhook, with Signed Event Webhook enabled.',
		event: { id: ['sg_event_id'], type: ['event'], subject: ['email', 'sg_message_id'], time: ['timestamp'] },
	},
	shopify: {
		displayName: 'Shopify',
		scheme: 'shopify',
		secret: 'secret',
		find: 'The Client secret of the app; for webhooks that were created in the admin, the text under Settings, Notifications, Webhooks.',
		event: {
			// One action of a merchant has one event id, under however many topics it is sent.
			id: [
				'header:x-shopify-topic + header:x-shopify-event-id',
				'header:x-shopify-webhook-id',
				'header:shopify-webhook-id',
			],
			type: ['header:x-shopify-topic', 'header:shopify-topic'],
			subject: ['admin_graphql_api_id', 'id'],
			time: ['header:x-shopify-triggered-at', 'header:shopify-triggered-at'],
		},
	},
	slack: {
		displayName: 'Slack',
		scheme: 'slack',
		secret: 'secret',
		find: 'The Signing Secret of the app, under Basic Information.',
		handshake: 'slack',
		event: {
			id: ['event_id', 'trigger_id'],
			type: ['event.type', 'command', 'type'],
			subject: ['event.channel', 'event.user', 'channel_id', 'user.id', 'team_id'],
			time: ['event_time'],
			formField: 'payload',
		},
	},
	square: {
		displayName: 'Square',
		scheme: 'square',
		secret: 'secret',
		find: 'The Signature key of the webhook subscription, in the Developer Console.',
		event: { id: ['event_id'], type: ['type'], subject: ['data.id'], time: ['created_at'] },
	},
	standardWebhooks: {
		displayName: 'Other: Standard Webhooks',
		scheme: 'standard-webhooks',
		secret: 'standard-webhooks',
		find: 'The signing secret that the service shows beside the endpoint; it begins with whsec_, or with whpk_ where it is a public key.',
		event: { id: ['header:webhook-id'], type: ['type'], subject: ['data.id'], time: ['timestamp'] },
	},
	stripe: {
		displayName: 'Stripe',
		scheme: 'stripe',
		secret: 'secret',
		find: 'The Signing secret of the event destination, under Developers, Webhooks; it begins with whsec_.',
		event: {
			id: ['id'],
			volatile: ['pending_webhooks'],
			type: ['type'],
			subject: ['data.object.id'],
			time: ['created'],
		},
	},
	svix: {
		displayName: 'Svix',
		scheme: 'svix',
		secret: 'standard-webhooks',
		find: 'The Signing Secret of the endpoint; it begins with whsec_.',
		event: {
			id: ['header:svix-id', 'header:webhook-id'],
			type: ['type', 'eventType', 'event_type'],
			subject: ['data.id'],
			time: ['timestamp'],
		},
	},
	twilio: {
		displayName: 'Twilio',
		scheme: 'twilio',
		secret: 'secret',
		find: 'The Auth Token of the account, under Account Info.',
		event: {
			id: ['header:i-twilio-idempotency-token'],
			type: ['MessageStatus', 'SmsStatus', 'CallStatus', 'EventType'],
			subject: ['MessageSid', 'CallSid', 'SmsSid'],
			time: ['Timestamp'],
		},
	},
	typeform: {
		displayName: 'Typeform',
		scheme: 'typeform',
		secret: 'secret',
		find: 'The Secret of the webhook, under Connect, Webhooks, Edit.',
		event: {
			id: ['event_id'],
			type: ['event_type'],
			subject: ['form_response.token'],
			time: ['form_response.submitted_at'],
		},
	},
	urlSecret: {
		displayName: 'Other: Secret in the URL',
		scheme: 'url-secret',
		secret: 'url-secret',
		find: OWN_URL,
		event: {},
	},
	woocommerce: {
		displayName: 'WooCommerce',
		scheme: 'woocommerce',
		secret: 'secret',
		find: 'The Secret of the webhook, under WooCommerce, Settings, Advanced, Webhooks. Choose one without & < > and quotation marks.',
		event: {
			type: ['header:x-wc-webhook-topic'],
			subject: ['id'],
			time: ['date_modified_gmt', 'date_created_gmt'],
			requires: ['id', 'action'],
		},
	},
	zendesk: {
		displayName: 'Zendesk',
		scheme: 'zendesk',
		secret: 'secret',
		find: 'The signing secret of the webhook, under Reveal secret. It is used as it is shown.',
		event: {
			id: ['header:x-zendesk-webhook-invocation-id'],
			type: ['type', 'event'],
			subject: ['subject', 'detail.id', 'id'],
			time: ['time'],
		},
	},
	zoom: {
		displayName: 'Zoom',
		scheme: 'zoom',
		secret: 'secret',
		find: 'The Secret Token of the app, under Feature, Event Subscriptions.',
		handshake: 'zoom',
		event: {
			type: ['event'],
			subject: ['payload.object.id', 'payload.object.uuid', 'payload.account_id'],
			time: ['event_ts'],
		},
	},
} as const satisfies Readonly<Record<string, WebhookService>>;

export type ServiceName = keyof typeof services;

export function serviceByName(name: unknown): WebhookService | undefined {
	return typeof name === 'string' && Object.hasOwn(services, name) ? services[name as ServiceName] : undefined;
}

/** Its `eventId` is not sure to be unique, so it is one part of the key among others. */
function hubspotEvent(): EventRecipe {
	const parts = ['portalId', 'subscriptionId', 'occurredAt', 'eventId?', 'propertyName?'];
	return {
		keyParts: [
			[...parts, 'objectId', 'propertyValue?'],
			[...parts, 'fromObjectId', 'toObjectId', 'associationType?', 'associationRemoved?'],
			[...parts, 'primaryObjectId', 'mergedObjectIds?'],
		],
		volatile: ['attemptNumber'],
		type: ['subscriptionType', 'eventType'],
		subject: ['objectId', 'primaryObjectId', 'fromObjectId'],
		time: ['occurredAt'],
	};
}

function mailchimpEvent(): EventRecipe {
	return { type: ['type'], subject: ['data.id', 'data.new_id', 'data.email'], time: ['fired_at'] };
}

function mailerliteEvent(): EventRecipe {
	return {
		batch: 'events',
		type: ['event', 'type'],
		subject: ['subscriber.id', 'data.subscriber.id', 'id'],
		time: ['updated_at', 'timestamp', 'subscribed_at'],
	};
}
