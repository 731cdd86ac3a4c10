import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { KEPT } from './kept';

/** One call of the workflow's own step. */
export interface SinkCall {
	readonly idempotencyKey: string;
	readonly email: string;
	readonly foundBy: string;
}

/** The service that the example workflow calls: it remembers who was sent to it, and may be told to fail. */
export class Sink {
	readonly calls: SinkCall[] = [];
	/** Answers this many of the next calls with 500. */
	failures = 0;
	/** Holds answers back until it is resolved; the calls themselves are noted as they come. */
	gate: Promise<void> = Promise.resolve();

	private constructor(private readonly server: Server) {}

	static async start(): Promise<Sink> {
		const server = createServer(KEPT);
		const sink = new Sink(server);
		server.on('request', (request, response) => {
			void text(request).then(async (body) => {
				if (sink.failures > 0) {
					sink.failures -= 1;
					response.writeHead(500).end('{}');
					return;
				}
				const { email, foundBy } = JSON.parse(body) as SinkCall;
				sink.calls.push({ idempotencyKey: String(request.headers['idempotency-key']), email, foundBy });
				await sink.gate;
				response.writeHead(200, { 'content-type': 'application/json' }).end('{"stored":true}');
			});
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		return sink;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
	}

	/** Calls for one person. */
	callsFor(email: string): SinkCall[] {
		return this.calls.filter((call) => call.email === email);
	}

	async close(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}
}
