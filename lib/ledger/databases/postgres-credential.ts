import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { PostgresOptions } from './postgres';

/** The credential as n8n keeps it. */
const credential = z.object({
	host: z.string().trim().min(1, 'Enter the host.'),
	port: z.coerce.number().int().min(1).max(65_535),
	database: z.string().trim().min(1, 'Enter the database.'),
	user: z.string().trim().min(1, 'Enter the user.'),
	password: z.string(),
	tls: z.enum(['disable', 'require', 'verify-ca', 'verify-full']),
	ca: z.string().default(''),
	clientPem: z.string().default(''),
	privateKey: z.string().default(''),
	schema: z
		.string()
		.trim()
		.regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'Give the schema a name of letters, digits and _.'),
	poolSize: z.coerce.number().int().min(1, 'The pool needs at least 1 connection.').max(50),
});

/** @throws HybridSyncError `configuration`, which names what is missing */
export function postgresOptions(data: unknown): PostgresOptions {
	const parsed = credential.safeParse(data);
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw new HybridSyncError(
			'configuration',
			`The Hybrid Sync Ledger Postgres credential is incomplete: ${issue?.path.join('.')}: ${issue?.message}`,
		);
	}
	const { ca, clientPem, privateKey, ...options } = parsed.data;
	return {
		...options,
		...(ca.trim() && { ca: pem(ca) }),
		...(clientPem.trim() && { clientPem: pem(clientPem) }),
		...(privateKey.trim() && { privateKey: pem(privateKey) }),
	};
}

/** n8n's fields of one line turn line ends into spaces, and JSON turns them into `\n`. */
function pem(text: string): string {
	return text
		.replaceAll('\\n', '\n')
		.trim()
		.replace(
			/(-----BEGIN [A-Z ]+-----)([^-]+)(-----END [A-Z ]+-----)/g,
			(_all, begin: string, body: string, end: string) => [begin, ...body.trim().split(/\s+/), end].join('\n'),
		);
}
