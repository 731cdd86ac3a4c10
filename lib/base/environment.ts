import { readFileSync } from 'node:fs';

/** How n8n runs executions: `regular` or `queue`. Like every setting of n8n it may stand in a file. */
export function executionsMode(): string {
	const file = process.env['EXECUTIONS_MODE_FILE'];
	return (process.env['EXECUTIONS_MODE'] ?? (file ? readFileSync(file, 'utf8').trim() : '')) || 'regular';
}
