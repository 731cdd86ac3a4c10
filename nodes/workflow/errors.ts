import { type INode, NodeApiError, NodeOperationError } from 'n8n-workflow';
import { HybridSyncError } from '../../lib';

/** The engine's error as n8n shows it: the sentence as the message, and for n8n's back-off what kind of failure it is. */
export function toNodeError(node: INode, error: unknown): NodeApiError | NodeOperationError {
	if (error instanceof NodeApiError || error instanceof NodeOperationError) return error;
	if (!(error instanceof HybridSyncError)) {
		return new NodeOperationError(node, error instanceof Error ? error : String(error));
	}
	const { message, code, details } = error;
	switch (code) {
		case 'credential-invalid':
		case 'rate-limited':
		case 'unavailable':
		case 'bad-response':
			// The original is left out: it may carry the request's headers.
			return new NodeApiError(
				node,
				{ message },
				{
					message,
					...(details.status !== undefined && { httpCode: String(details.status) }),
					...(code !== 'bad-response' && { failure: failureOf(code, details.retryAfterMs) }),
				},
			);
		case 'configuration':
		case 'ledger-unavailable':
		case 'ledger-lost':
		case 'ledger-too-new':
		case 'lease-lost':
			return new NodeOperationError(node, message);
	}
}

function failureOf(code: 'credential-invalid' | 'rate-limited' | 'unavailable', retryAfterMs: number | undefined) {
	if (code === 'credential-invalid') return { cause: 'credential-invalid' as const };
	const cause = code === 'rate-limited' ? ('rate-limited' as const) : ('temporarily-unavailable' as const);
	return { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
