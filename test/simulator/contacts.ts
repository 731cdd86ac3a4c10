/** The contacts of the simulated account. */

export interface Contact {
	contactId: string;
	email: string;
	name: string | null;
	origin: string;
	campaign: { campaignId: string; name: string; href: string };
	/** Whole seconds, milliseconds since the epoch. */
	createdOn: number;
	changedOn: number | null;
	dayOfCycle: string | null;
	/** Of one that was removed. */
	deletedOn?: number;
	reason?: string | null;
	ipAddress: string;
}

/** REST times look like this; webhook times have a colon in the offset. */
export const restTime = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+0000');
export const webhookTime = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+00:00');
export const wholeSecond = (milliseconds: number) => Math.floor(milliseconds / 1000) * 1000;

const campaignOf = (campaignId: string, apiUrl: string) => ({
	campaignId,
	name: campaignId === 'L1' ? 'newsletter' : campaignId,
	href: `${apiUrl}/campaigns/${campaignId}`,
});

export class Contacts {
	/** What only the contact itself has, by its id: tags, and values of custom fields. */
	readonly details = new Map<string, { readonly tags?: object[]; readonly customFieldValues?: object[] }>();
	private readonly byId = new Map<string, Contact>();
	private readonly removed: Contact[] = [];
	private readonly unconfirmed: Contact[] = [];
	private next = 1;

	constructor(
		private readonly apiUrl: () => string,
		private readonly clock: () => number,
	) {}

	/** Adds a contact, dated now unless said otherwise. */
	add(
		fields: Partial<Pick<Contact, 'email' | 'name' | 'origin' | 'createdOn' | 'contactId'>> & {
			readonly list?: string;
		} = {},
	): Contact {
		const number = this.next++;
		const contactId = fields.contactId ?? `c${number.toString(36)}`;
		const contact: Contact = {
			contactId,
			email: fields.email ?? `person${number}@example.com`,
			name: fields.name ?? `Person ${number}`,
			origin: fields.origin ?? 'api',
			campaign: campaignOf(fields.list ?? 'L1', this.apiUrl()),
			createdOn: wholeSecond(fields.createdOn ?? this.clock()),
			changedOn: null,
			dayOfCycle: null,
			ipAddress: '192.0.2.1',
		};
		this.byId.set(contactId, contact);
		return contact;
	}

	change(contactId: string, fields: Partial<Pick<Contact, 'email' | 'name'>>): Contact | undefined {
		const contact = this.byId.get(contactId);
		if (contact) Object.assign(contact, fields, { changedOn: wholeSecond(this.clock()) });
		return contact;
	}

	/** @param reason as GetResponse gives it: unsubscribe, bounce, user, api, … */
	remove(contactId: string, reason: string | null = 'unsubscribe', deletedOn = this.clock()): Contact | undefined {
		const contact = this.byId.get(contactId);
		this.byId.delete(contactId);
		if (contact) this.removed.push({ ...contact, deletedOn: wholeSecond(deletedOn), reason });
		return contact;
	}

	/** Somebody who has not confirmed yet: not in the list of contacts. */
	addUnconfirmed(fields: Parameters<Contacts['add']>[0] = {}): Contact {
		const contact = this.add(fields);
		this.byId.delete(contact.contactId);
		this.unconfirmed.push(contact);
		return contact;
	}

	/** Those that a search finds: removed, or not confirmed. */
	gone(isRemoved: boolean): readonly Contact[] {
		return isRemoved ? this.removed : this.unconfirmed;
	}

	/** A contact as the search shows it. */
	toSearch({ contactId, name, email, origin, dayOfCycle, createdOn, campaign, reason = null, deletedOn }: Contact) {
		return {
			contactId,
			name,
			email,
			origin,
			dayOfCycle,
			createdOn: restTime(createdOn),
			campaign,
			score: null,
			reason,
			deletedOn: deletedOn === undefined ? null : restTime(deletedOn),
		};
	}

	get(contactId: string): Contact | undefined {
		return this.byId.get(contactId);
	}

	all(): Contact[] {
		return [...this.byId.values()];
	}

	/** A contact as the API shows it. */
	toRest(contact: Contact) {
		return {
			...contact,
			createdOn: restTime(contact.createdOn),
			changedOn: contact.changedOn === null ? null : restTime(contact.changedOn),
			timeZone: '',
			activities: `${this.apiUrl()}/contacts/${contact.contactId}/activities`,
			scoring: null,
			engagementScore: null,
			note: null,
			href: `${this.apiUrl()}/contacts/${contact.contactId}`,
		};
	}
}
