import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { SmallHeapJob, SmallHeapReport } from './small-heap';
import { KEPT } from '../../simulator/kept';

/** Answers that are made to take memory and time, and a process with little memory to read them in. */

export const MIB = 1024 * 1024;

const list = (row: string, bytes: number) => `[${`${row},`.repeat(Math.floor(bytes / (row.length + 1)))}${row}]`;

export interface HostileAnswer {
	readonly name: string;
	readonly body: Buffer;
	readonly isPacked: boolean;
	/** Part of the error that it is answered with. */
	readonly message: string;
}

export const HOSTILE_ANSWERS: readonly HostileAnswer[] = [
	{
		name: '16 KB that unpack to five million tiny rows',
		body: gzipSync(list('{}', 15.9 * MIB)),
		isPacked: true,
		message: 'more than 1,000,000 values',
	},
	{
		name: '16 KB that unpack to one long text',
		body: gzipSync(`["${'x'.repeat(15.9 * MIB)}"]`),
		isPacked: true,
		message: 'expands more than 200 times',
	},
	{
		name: 'five million tiny rows as they are',
		body: Buffer.from(list('{}', 15.9 * MIB)),
		isPacked: false,
		message: 'more than 1,000,000 values',
	},
	{
		name: 'half a million rows',
		body: Buffer.from(list('{"id":1}', 4 * MIB)),
		isPacked: false,
		message: 'rows on one page',
	},
	{
		name: 'half a million rows with numbers of many digits',
		body: Buffer.from(list('{"id":12345678901234567890}', 12 * MIB)),
		isPacked: false,
		message: 'more than 1,000,000 values',
	},
	{
		name: 'lists inside of lists',
		body: Buffer.from('['.repeat(8 * MIB) + ']'.repeat(7.9 * MIB)),
		isPacked: false,
		message: 'more than 1,000,000 values',
	},
];

/** @throws where the process ended before it was through */
export async function runInSmallHeap(job: SmallHeapJob): Promise<SmallHeapReport> {
	const child = fork(join(__dirname, 'small-heap.ts'), {
		execArgv: ['--max-old-space-size=512', '--import', 'tsx'],
	});
	let report: SmallHeapReport | undefined;
	child.on('message', (message: SmallHeapReport) => (report = message));
	child.send(job);
	const code = await new Promise((resolve) => child.once('close', resolve));
	if (!report) throw new Error(`The process ended with ${String(code)}.`);
	return report;
}

/** An API that answers everything alike. */
export async function serving<T>(body: Buffer, isPacked: boolean, use: (baseUrl: string) => Promise<T>): Promise<T> {
	const server = createServer(KEPT, (_request, response) => {
		response.writeHead(200, {
			'content-type': 'application/json',
			...(isPacked && { 'content-encoding': 'gzip' }),
		});
		response.end(body);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	} finally {
		server.closeAllConnections();
		server.close();
	}
}
