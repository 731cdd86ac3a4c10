// A GetResponse with many contacts in a process of its own, so that it takes no time from what is measured. All rows are
// serialised before the first request, and a page is a part of them. Its one argument says how many there are; messages
// change the rest, and each is answered with what was asked since the last one.
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';

const { count, perStep, stepMs, first } = JSON.parse(process.argv[2] ?? '{}');
const settings = { latencyMs: 0, etags: false, now: undefined };
let urls = [];
let notModified = 0;
let bytes = 0;

const timeOf = (index) => first + Math.floor(index / perStep) * stepMs;
const restTime = (milliseconds) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+0000');

/** A contact as the list has it. */
function contact(index) {
	const [contactId, api] = [`c${index.toString(36)}`, 'https://api.getresponse.com/v3'];
	return JSON.stringify({
		contactId,
		email: `person${index}@example.com`,
		name: `Person ${index}`,
		origin: 'api',
		campaign: { campaignId: 'L1', name: 'newsletter', href: `${api}/campaigns/L1` },
		createdOn: restTime(timeOf(index)),
		changedOn: null,
		dayOfCycle: null,
		ipAddress: '192.0.2.1',
		timeZone: '',
		activities: `${api}/contacts/${contactId}/activities`,
		scoring: null,
		engagementScore: null,
		note: null,
		href: `${api}/contacts/${contactId}`,
	});
}

/** The rows, each with the comma after it, and where each begins; in blocks, for a text has a greatest length. */
const starts = new Float64Array(count + 1);
const blocks = [];
for (let from = 0; from < count; from += 10_000) {
	const rows = Array.from({ length: Math.min(10_000, count - from) }, (_, index) => `${contact(from + index)},`);
	rows.forEach((row, index) => (starts[from + index + 1] = starts[from + index] + row.length));
	blocks.push(Buffer.from(rows.join('')));
}
const serialised = Buffer.concat(blocks.splice(0));

/** Rows before a time. */
const before = (time) => Math.max(0, Math.min(count, Math.ceil((time - first) / stepMs) * perStep));

function list(query, request) {
	if (query.get('sort[createdOn]') !== 'ASC') return { status: 400, body: '{"message":"Not made for this order"}' };
	const from = query.get('query[createdOn][from]');
	const begin = from === null ? 0 : before(Date.parse(from));
	const end = settings.now === undefined ? count : before(settings.now + 1);
	const [page, perPage] = [Number(query.get('page')), Number(query.get('perPage'))];
	const [low, high] = [Math.min(end, begin + (page - 1) * perPage), Math.min(end, begin + page * perPage)];
	const headers = {
		TotalCount: String(end - begin),
		TotalPages: String(Math.max(1, Math.ceil((end - begin) / perPage))),
		CurrentPage: String(page),
		...(settings.etags && { etag: `"${low}-${high}"` }),
	};
	if (settings.etags && request.headers['if-none-match'] === headers.etag) {
		notModified += 1;
		return { status: 304, headers };
	}
	const rows = serialised.subarray(starts[low], Math.max(starts[low], starts[high] - 1));
	return { status: 200, headers, parts: ['[', rows, ']'] };
}

const server = createServer(async (request, response) => {
	const url = new URL(request.url, 'http://server');
	const isList = url.pathname === '/v3/contacts';
	if (isList) urls.push(request.url);
	const answer = isList
		? list(url.searchParams, request)
		: { status: 200, body: '{"accountId":"A1","email":"owner@example.com"}' };
	const { status, headers = {}, parts = [answer.body ?? ''] } = answer;
	if (settings.latencyMs > 0) await setTimeout(settings.latencyMs);
	const length = parts.reduce((sum, part) => sum + part.length, 0);
	response.writeHead(status, {
		'content-type': 'application/json',
		...(settings.now !== undefined && { date: new Date(settings.now).toUTCString() }),
		...(status !== 304 && { 'content-length': length }),
		...headers,
	});
	for (const part of parts) if (part.length > 0) response.write(part);
	response.end();
});
// Kept for longer than any pause of a bench, so that no connection is closed under a request.
server.keepAliveTimeout = 600_000;
const sockets = new Map();
server.on('connection', (socket) => {
	sockets.set(socket, 0);
	socket.on('close', () => {
		bytes += socket.bytesWritten + socket.bytesRead - (sockets.get(socket) ?? 0);
		sockets.delete(socket);
	});
});

process.on('message', (change) => {
	Object.assign(settings, change);
	for (const [socket, counted] of sockets) {
		const all = socket.bytesWritten + socket.bytesRead;
		bytes += all - counted;
		sockets.set(socket, all);
	}
	process.send({ urls, notModified, bytes });
	[urls, notModified, bytes] = [[], 0, 0];
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
