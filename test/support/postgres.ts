import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { PostgresOptions } from '../../lib';

/** A real Postgres for tests and benchmarks. */
export interface TestPostgres {
	/** Connects to a schema of its own. */
	options(schema?: string): PostgresOptions;
	restart(): Promise<void>;
	stop(): Promise<void>;
}

let schemas = 0;

/** @param flags of the server, e.g. `-c fsync=off` for tests that are not about crashes of the machine */
export async function startPostgres(flags: readonly string[] = []): Promise<TestPostgres> {
	const server = fork(join(__dirname, 'postgres-server.mjs'), flags, { execArgv: [] });
	const { port } = (await message(server)) as { port: number };
	return {
		options: (schema = `s${process.pid}_${++schemas}`) => ({
			host: '127.0.0.1',
			port,
			database: 'postgres',
			user: 'postgres',
			password: 'postgres',
			tls: 'disable',
			schema,
			poolSize: 5,
		}),
		restart: async () => {
			server.send('restart');
			await message(server);
		},
		stop: async () => {
			const ended = new Promise((resolve) => server.once('exit', resolve));
			server.send('stop');
			await ended;
		},
	};
}

async function message(child: ChildProcess): Promise<unknown> {
	return await new Promise((resolve, reject) => {
		child.once('message', resolve);
		child.once('exit', (code) => {
			reject(new Error(`Postgres ended with ${code}`));
		});
	});
}
