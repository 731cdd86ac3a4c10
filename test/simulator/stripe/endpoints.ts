import { randomBytes } from 'node:crypto';
import type { StripeEvent } from './events';
import { Refusal, noSuch } from './refusal';
import type { Switches } from './switches';

/** A webhook endpoint as the API shows it. */
export interface EndpointObject {
	readonly id: string;
	readonly object: 'webhook_endpoint';
	readonly api_version: string | null;
	readonly application: null;
	/** Unix seconds. */
	readonly created: number;
	description: string | null;
	enabled_events: readonly string[];
	readonly livemode: boolean;
	metadata: Readonly<Record<string, string>>;
	status: 'enabled' | 'disabled';
	url: string;
}

/** A webhook endpoint with what the API does not show. */
export interface Endpoint {
	readonly shown: EndpointObject;
	/** The newest first. A delivery is signed with each. */
	readonly secrets: string[];
	/** Whether it is for events of connected accounts. */
	readonly connect: boolean;
	/** The first failure since the last success, milliseconds since the epoch. */
	failingSince: number | undefined;
}

export interface NewEndpoint {
	readonly url: string;
	readonly enabled_events: readonly string[];
	readonly api_version?: string | null;
	readonly connect?: boolean;
	readonly description?: string | null;
	readonly metadata?: Readonly<Record<string, string>>;
}

export type EndpointChange = Partial<
	Pick<EndpointObject, 'url' | 'enabled_events' | 'description' | 'metadata' | 'status'>
>;

/** `*`, or names such as `invoice.paid`; there are no wildcards. */
const EVENT_TYPE = /^(\*|[a-z0-9_]+(\.[a-z0-9_]+)+)$/;

/** The webhook endpoints of the account. */
export class Endpoints {
	private readonly byId = new Map<string, Endpoint>();
	private next = 1;

	constructor(
		private readonly clock: () => number,
		private readonly livemode: boolean,
		private readonly switches: Switches,
	) {}

	/** Creates an endpoint. Throws a Refusal if its fields are wrong, or there are too many. */
	create(fields: NewEndpoint): Endpoint {
		const limit = this.switches.limitOfEndpoints;
		if (limit !== undefined && this.byId.size >= limit) {
			const mode = this.livemode ? 'live' : 'test';
			throw new Refusal(400, `You have reached the maximum of ${limit} ${mode} webhook endpoints.`);
		}
		this.check(fields);
		const shown: EndpointObject = {
			id: `we_1${(this.next++).toString(36).padStart(6, '0')}${randomBytes(8).toString('hex')}`,
			object: 'webhook_endpoint',
			api_version: fields.api_version ?? null,
			application: null,
			created: Math.floor(this.clock() / 1000),
			description: fields.description ?? null,
			enabled_events: fields.enabled_events,
			livemode: this.livemode,
			metadata: fields.metadata ?? {},
			status: 'enabled',
			url: fields.url,
		};
		const endpoint: Endpoint = {
			shown,
			secrets: [newSecret()],
			connect: fields.connect ?? false,
			failingSince: undefined,
		};
		this.byId.set(shown.id, endpoint);
		return endpoint;
	}

	find(id: string): Endpoint | undefined {
		return this.byId.get(id);
	}

	/** Throws a Refusal if there is none. */
	get(id: string): Endpoint {
		const endpoint = this.byId.get(id);
		if (!endpoint) throw noSuch('webhook endpoint', id, 'webhook_endpoint');
		return endpoint;
	}

	change(id: string, fields: EndpointChange): Endpoint {
		const endpoint = this.get(id);
		this.check(fields);
		if (fields.status === 'enabled') endpoint.failingSince = undefined;
		Object.assign(endpoint.shown, fields);
		return endpoint;
	}

	remove(id: string): void {
		this.get(id);
		this.byId.delete(id);
	}

	/** Gives the endpoint a new secret. Deliveries carry signatures of the old ones too, until `secrets` is shortened. */
	rollSecret(id: string): string {
		const secret = newSecret();
		this.get(id).secrets.unshift(secret);
		return secret;
	}

	/** The newest first. */
	all(): Endpoint[] {
		return [...this.byId.values()].reverse();
	}

	/** The endpoints that an event is delivered to. */
	receiving({ type, account }: StripeEvent): Endpoint[] {
		const { separatesAccounts, explicitTypes } = this.switches;
		const isExplicit = explicitTypes.includes(type);
		return this.all().filter(({ shown, connect }) => {
			if (shown.status !== 'enabled') return false;
			if (separatesAccounts && connect !== (account !== undefined)) return false;
			return shown.enabled_events.includes(type) || (!isExplicit && shown.enabled_events.includes('*'));
		});
	}

	private check({ url, enabled_events: types }: EndpointChange): void {
		if (url !== undefined) {
			const protocol = URL.parse(url)?.protocol;
			const isAllowed = protocol === 'https:' || (protocol === 'http:' && this.switches.allowsHttp);
			if (!isAllowed) throw new Refusal(400, 'Invalid URL: URL must be HTTPS.', { code: 'url_invalid', param: 'url' });
		}
		const wrong = types?.findIndex((type) => !EVENT_TYPE.test(type)) ?? -1;
		if (wrong >= 0) {
			const param = `enabled_events[${wrong}]`;
			throw new Refusal(400, `Invalid ${param}: must be one of the event types, or *`, { param });
		}
	}
}

const newSecret = () => `whsec_${randomBytes(24).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
