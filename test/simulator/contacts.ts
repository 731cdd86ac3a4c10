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
	ipAddress: string;
}

/** REST times look like this; webhook times have a colon in the offset. */
export const restTime = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+0000');
export const webhookTime = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+00:00');
export const wholeSecond = (milliseconds: number) => Math.floor(milliseconds / 1000) * 1000;

export class Contacts {
	private readonly byId = new Map<string, Contact>();
	private next = 1;

	constructor(
		private readonly apiUrl: () => string,
		private readonly clock: () => number,
	) {}

	/** Adds a contact, dated now unless said otherwise. */
	add(fields: Partial<Pick<Contact, 'email' | 'name' | 'origin' | 'createdOn' | 'contactId'>> = {}): Contact {
		const number = this.next++;
		const contactId = fields.contactId ?? `c${number.toString(36)}`;
		const contact: Contact = {
			contactId,
			email: fields.email ?? `person${number}@example.com`,
			name: fields.name ?? `Person ${number}`,
			origin: fields.origin ?? 'api',
			campaign: { campaignId: 'L1', name: 'newsletter', href: `${this.apiUrl()}/campaigns/L1` },
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

	remove(contactId: string): Contact | undefined {
		const contact = this.byId.get(contactId);
		this.byId.delete(contactId);
		return contact;
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
