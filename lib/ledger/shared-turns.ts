import { HybridSyncError } from '../base/errors';
import { MAX_BYTES, MAX_ROWS } from './slices';
import type { Turn } from './tables/statements';
import type { Transactions } from './transactions';

/** What wants a turn at a stream, and how much it takes on there. */
interface Job {
	readonly work: (turn: Turn) => Promise<unknown>;
	readonly rows: number;
	readonly bytes: number;
	readonly resolve: (result: unknown) => void;
	readonly reject: (error: unknown) => void;
}

export type SharedTurns = <T>(
	stream: string,
	size: { readonly rows: number; readonly bytes: number },
	work: (turn: Turn) => Promise<T>,
) => Promise<T>;

/**
 * Turns at a stream that those share which wait for one: one transaction, and one wait for the disk. Each is answered once
 * the transaction is through. Where it fails for the sake of one of them, each has a turn of its own.
 */
export function sharedTurns({ write }: Pick<Transactions, 'write'>): SharedTurns {
	/** What waits, by stream; a stream is here while a turn of it is under way. */
	const waiting = new Map<string, Job[]>();

	/** @returns why it failed, or nothing */
	const runAlone = async (stream: string, { work, resolve, reject }: Job): Promise<unknown> => {
		try {
			resolve(await write(stream, work));
			return undefined;
		} catch (error) {
			reject(error);
			return error;
		}
	};
	/** Where a second one fails too, it is for no sake of theirs, and the others need not wait to find out. */
	const runEach = async (stream: string, jobs: readonly Job[]): Promise<void> => {
		let failures = 0;
		for (const [index, job] of jobs.entries()) {
			const error = await runAlone(stream, job);
			if (error !== undefined) failures += 1;
			if (failures < 2) continue;
			for (const { reject } of jobs.slice(index + 1)) reject(error);
			return;
		}
	};
	const runTogether = async (stream: string, jobs: readonly Job[]): Promise<void> => {
		try {
			const results = await write(stream, async (turn) => {
				const all: unknown[] = [];
				for (const { work } of jobs) all.push(await work(turn));
				return all;
			});
			for (const [index, { resolve }] of jobs.entries()) resolve(results[index]);
		} catch (error) {
			if (!isOutage(error)) await runEach(stream, jobs);
			else for (const { reject } of jobs) reject(error);
		}
	};
	const runAll = async (stream: string): Promise<void> => {
		for (;;) {
			const jobs = nextOf(waiting.get(stream) ?? []);
			const [only, more] = jobs;
			if (!only) {
				waiting.delete(stream);
				return;
			}
			await (more ? runTogether(stream, jobs) : runAlone(stream, only));
		}
	};

	return async <T>(
		stream: string,
		{ rows, bytes }: { rows: number; bytes: number },
		work: (turn: Turn) => Promise<T>,
	) =>
		await new Promise<T>((resolve, reject) => {
			const job: Job = { work, rows, bytes, resolve: resolve as Job['resolve'], reject };
			const jobs = waiting.get(stream);
			if (jobs) {
				jobs.push(job);
				return;
			}
			waiting.set(stream, [job]);
			void runAll(stream);
		});
}

/** SQLite's codes for what is wrong with a row: too big, and a constraint. */
const ROW_CODES = [18, 19];

/** Whether the ledger itself cannot be used, so that another try would wait as long, and in vain. */
function isOutage(error: unknown): boolean {
	if (!(error instanceof HybridSyncError)) return false;
	const { code, errcode } = Object(error.cause) as { code?: unknown; errcode?: unknown };
	if (typeof errcode === 'number') return !ROW_CODES.includes(errcode & 0xff);
	// Postgres: data exceptions, and constraints.
	if (typeof code === 'string') return !/^2[23]/.test(code);
	return error.cause === undefined;
}

/** Takes from the front what one transaction may take on. */
function nextOf(jobs: Job[]): Job[] {
	let [rows, bytes, end] = [0, 0, 0];
	for (const job of jobs) {
		rows += job.rows;
		bytes += job.bytes;
		if (end > 0 && (rows > MAX_ROWS || bytes > MAX_BYTES)) break;
		end += 1;
	}
	return jobs.splice(0, end);
}
