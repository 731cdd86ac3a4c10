import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { KEPT } from '../../simulator/kept';

/** A request that a workflow made. */
export interface ReceivedCall {
	/** Path of the URL. */
	readonly path: string;
	readonly body: Readonly<Record<string, unknown>>;
	/** The header Idempotency-Key. */
	readonly key: string | undefined;
	/** What it was answered with. */
	readonly status: number;
	/** What `look` saw as it came. */
	readonly seen: string;
}

/** The services that a workflow calls, at a path each: it notes what is sent to them, and may be told to refuse it. */
export class Receiver {
	readonly calls: ReceivedCall[] = [];
	/** Answers such calls with 500. */
	refuses: (call: Pick<ReceivedCall, 'path' | 'body'>) => boolean = () => false;

	/** Looks at something else whenever a call comes. */
	look: () => string = () => '';
	/** Holds answers back until it is resolved; the calls themselves are noted as they come. */
	gate: Promise<void> = Promise.resolve();

	private constructor(private readonly server: Server) {}

	static async start(): Promise<Receiver> {
		const server = createServer(KEPT);
		const receiver = new Receiver(server);
		server.on('request', (request, response) => {
			void text(request).then(async (sent) => {
				const path = request.url ?? '';
				const body = JSON.parse(sent) as ReceivedCall['body'];
				const status = receiver.refuses({ path, body }) ? 500 : 200;
				const key = request.headers['idempotency-key'];
				receiver.calls.push({
					path,
					body,
					key: typeof key === 'string' ? key : undefined,
					status,
					seen: receiver.look(),
				});
				await receiver.gate;
				response.writeHead(status, { 'content-type': 'application/json' }).end('{"received":true}');
			});
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		return receiver;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	/** What was sent to a path. */
	at(path: string): ReceivedCall[] {
		return this.calls.filter((call) => call.path === path);
	}

	async close(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}
}
