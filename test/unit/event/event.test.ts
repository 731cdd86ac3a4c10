import { CloudEvent, type CloudEventV1 } from 'cloudevents';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { isSyncEvent, parseTime, providers, toSyncEvent } from '../../../lib';

const push = (body: unknown, headers = {}) =>
	providers.getresponse.push.open({ credential: {}, settings: () => ({}) }).read({
		headers: { 'x-webhook-id': 'w1', ...headers },
		query: new URLSearchParams(),
		body,
		receivedAt: 0,
		sender: '7',
		signed: () => undefined,
	});
const emission = {
	stream: 'instance/workflow',
	correlationId: 'r1',
	traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
	path: 'webhook' as const,
	receivedAt: 1_700_000_000_000,
	attempt: 1,
	recovered: false,
};

test.each(Object.keys(providers.getresponse.events))('G1 %s becomes a strictly valid CloudEvent', (type) => {
	const body = {
		type,
		contact: { contactId: 'c1' },
		account: { accountId: 'A1' },
		event: { occurredAt: '2026-01-31T12:00:00+00:00' },
	};
	const [event] = push(body).events;
	if (!event) throw new Error('no event');
	const emitted = toSyncEvent(event, emission);
	// In strict mode the SDK throws on anything the specification does not allow.
	const judged = new CloudEvent({ ...emitted, claimtoken: 'x' } as Partial<CloudEventV1<unknown>>, true);
	expect(judged.validate()).toBe(true);
	expect(isSyncEvent(emitted)).toBe(true);
	expect(emitted).toMatchObject({
		id: 'push:7:w1',
		source: '/getresponse/accounts/A1',
		type: `getresponse.${type}`,
		subject: 'contacts/c1',
		time: '2026-01-31T12:00:00.000Z',
		data: body,
	});
});

test('the idempotency key depends on the stream and the event alone', () => {
	const [event] = push({ type: 'contact_added' }).events;
	if (!event) throw new Error('no event');
	const key = toSyncEvent(event, emission).idempotencykey;
	expect(toSyncEvent(event, { ...emission, attempt: 3, path: 'replay', correlationId: 'other' }).idempotencykey).toBe(
		key,
	);
	expect(toSyncEvent(event, { ...emission, stream: 'other' }).idempotencykey).not.toBe(key);
});

test('a delivery without an id is told apart by its content', () => {
	const key = (body: unknown) => push(body, { 'x-webhook-id': undefined }).events[0]?.key;
	expect(key({ type: 'a', n: 1 })).toBe(key({ type: 'a', n: 1 }));
	expect(key({ type: 'a', n: 1 })).not.toBe(key({ type: 'a', n: 2 }));
});

test('what is no event is a dead letter, and the rest of its batch is read', () => {
	const { events, deadLetters } = push([{ type: 'contact_added' }, 7, { type: '' }, null]);
	expect(events.map(({ key }) => key)).toEqual(['push:7:w1:0']);
	expect(deadLetters.map(({ key }) => key)).toEqual(['push:7:w1:1', 'push:7:w1:2', 'push:7:w1:3']);
});

test('C7 every form of timestamp is one moment', () => {
	const moment = Date.UTC(2026, 9, 25, 0, 30, 0);
	for (const text of [
		'2026-10-25T00:30:00+0000',
		'2026-10-25T00:30:00+00:00',
		'2026-10-25T00:30:00Z',
		'2026-10-25T00:30:00.000Z',
		'2026-10-25T02:30:00+02:00',
		'2026-10-25T00:30:00',
	]) {
		expect(parseTime(text)).toBe(moment);
	}
	expect(parseTime('2026-10-25')).toBe(Date.UTC(2026, 9, 25));
	for (const nonsense of ['', 'yesterday', '1761352200', null, 5]) expect(parseTime(nonsense)).toBeUndefined();
});

test('C7 the common form of a timestamp is read as every other form is', () => {
	const two = (most: number) => fc.integer({ min: 0, max: most }).map((part) => String(part).padStart(2, '0'));
	const year = fc.integer({ min: 1, max: 9_999 }).map((part) => String(part).padStart(4, '0'));
	const offset = fc.oneof(
		fc.constantFrom('', 'Z', '+0000', '-00:00'),
		fc.tuple(fc.constantFrom('+', '-'), two(25), fc.constantFrom('', ':'), two(61)).map((parts) => parts.join('')),
	);
	const fraction = fc.oneof(
		fc.constant(''),
		fc.integer({ min: 0, max: 999 }).map((part) => `.${String(part).padStart(3, '0')}`),
	);
	const text = fc
		.tuple(year, two(13), two(32), two(25), two(61), two(61), fraction, offset)
		.map(([y, mo, d, h, mi, s, f, o]) => `${y}-${mo}-${d}T${h}:${mi}:${s}${f}${o}`);
	fc.assert(
		fc.property(text, (timestamp) => {
			const other = DateTime.fromISO(timestamp, { zone: 'utc' });
			expect(parseTime(timestamp)).toBe(other.isValid ? other.toMillis() : undefined);
		}),
		{ numRuns: 2_000 },
	);
});
