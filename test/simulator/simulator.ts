import { type Server, createServer } from 'node:http';
import { request } from 'undici';
import type { AddressInfo } from 'node:net';
import { Account } from './account';
import { type ApiState, type Fault, type OnExchange, answer } from './api';
import { type Contact, Contacts, webhookTime, wholeSecond } from './contacts';
import { type PushPlan, Webhooks } from './webhooks';
import { KEPT } from './kept';

export type { Contact } from './contacts';
export type { Attempt, PushPlan } from './webhooks';

export interface SimulatorOptions {
	/** Default: any free one. */
	port?: number;
	apiKey?: string;
	accountId?: string;
	clock?: () => number;
	limits?: Partial<ApiState['limits']>;
	onExchange?: OnExchange;
}

/**
 * A GetResponse to talk to: a real HTTP server with the part of API v3 that the package uses, and webhook deliveries by
 * the documented rules. What it does is scripted by its methods; what it was asked stands in `requests`.
 */
export class Simulator {
	readonly contacts: Contacts;
	readonly account: Account;
	readonly webhooks = new Webhooks();
	readonly state: ApiState;
	private readonly clock: () => number;
	private readonly server: Server;

	private constructor(options: SimulatorOptions) {
		this.clock = options.clock ?? Date.now;
		this.contacts = new Contacts(() => this.apiUrl, this.clock);
		this.account = new Account(this.clock);
		this.account.add('/campaigns', { campaignId: 'L1', name: 'newsletter', isDefault: 'true' });
		this.state = {
			callback: undefined,
			contacts: this.contacts,
			account: this.account,
			apiKey: options.apiKey ?? 'simulator-api-key',
			accountId: options.accountId ?? 'A1',
			domain: undefined,
			client: { id: 'simulator-client', secret: 'simulator-client-secret', tokens: new Map() },
			requests: [],
			faults: [],
			latencyMs: 0,
			gate: Promise.resolve(),
			parallel: 0,
			maxParallel: 0,
			clock: this.clock,
			onExchange: options.onExchange,
			limits: { perSecond: 80, per10Minutes: 30_000, parallel: 10, ...options.limits },
		};
		this.server = createServer(KEPT, (request, response) => {
			answer(this.state, request, response).catch((error: unknown) => {
				response.destroy(error instanceof Error ? error : new Error(String(error)));
			});
		});
	}

	static async start(options: SimulatorOptions = {}): Promise<Simulator> {
		const simulator = new Simulator(options);
		await new Promise<void>((resolve, reject) => {
			simulator.server.once('error', reject);
			simulator.server.listen(options.port ?? 0, '127.0.0.1', resolve);
		});
		return simulator;
	}

	get apiUrl(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v3`;
	}

	get apiKey(): string {
		return this.state.apiKey;
	}

	/** Every API request so far, also refused ones. */
	get requests(): ApiState['requests'] {
		return this.state.requests;
	}

	/** Answers some of the next requests with a fault. */
	fail(fault: Omit<Fault, 'times'> & { times?: number }): void {
		this.state.faults.push({ times: 1, ...fault });
	}

	/** A person subscribes: the contact appears in the API, and the event is pushed as planned. */
	subscribe(plan: PushPlan = {}, fields: Parameters<Contacts['add']>[0] = {}): Contact {
		const contact = this.contacts.add(fields);
		this.webhooks.push(this.contactAdded(contact), plan);
		return contact;
	}

	/** Calls the account's callback, once, as GetResponse does: nothing is sent again. @returns the status; 0 where it is not to be called */
	async callBack(action: string, contact: Contact, more: Readonly<Record<string, string>> = {}): Promise<number> {
		const { callback, accountId } = this.state;
		if (callback?.actions[action] !== true) return 0;
		const url = new URL(callback.url);
		const { contactId, email, name, campaign } = contact;
		const said = {
			action,
			ACCOUNT_ID: accountId,
			account_login: 'owner',
			CAMPAIGN_ID: campaign.campaignId,
			campaign_name: campaign.name,
			CONTACT_ID: contactId,
			contact_email: email,
			contact_name: name ?? '',
			...more,
		};
		for (const [key, value] of Object.entries(said)) url.searchParams.set(key, value);
		const response = await request(url, { method: 'GET' });
		await response.body.dump();
		return response.statusCode;
	}

	/** The payload of a `contact_added` webhook. */
	contactAdded(contact: Contact, occurredAt = contact.createdOn) {
		return this.event('contact_added', contact, occurredAt, { ip: contact.ipAddress, origin: contact.origin });
	}

	/** The payload of a webhook about a contact. */
	event(type: string, contact: Contact, occurredAt = wholeSecond(this.clock()), extra: object = {}) {
		const { contactId, email, name, campaign } = contact;
		return {
			type,
			contact: { contactId, email, name, campaign, href: `${this.apiUrl}/contacts/${contactId}`, ...extra },
			account: { accountId: this.state.accountId },
			event: { occurredAt: webhookTime(occurredAt) },
		};
	}

	async close(): Promise<void> {
		await this.webhooks.close();
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}
}
