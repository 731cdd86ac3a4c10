import { type INode, NodeOperationError } from 'n8n-workflow';
import { type Receipt, refusalWords } from '../../lib';

/**
 * Why a request was refused while the editor was listening.
 *
 * @param problem with the credential, where there is one
 */
export function explainRefusal(node: INode, { refusal, note }: Receipt, problem?: string): NodeOperationError {
	const { what, todo } = refusalWords(refusal ?? 'mismatch');
	const description =
		problem ?? (['not-stored', 'address', 'postponed'].includes(refusal ?? '') ? `${note}. ${todo}`.trim() : todo);
	return new NodeOperationError(node, `A webhook arrived and was refused. ${what}.`, { description });
}
