import { type IExecuteFunctions, NodeOperationError } from 'n8n-workflow';

/** Parameters, which expressions may make anything of. */

/** @throws NodeOperationError where it is no number above 0 */
export function positive(context: IExecuteFunctions, value: unknown, label: string, index = 0): number {
	const number = typeof value === 'string' && value.trim() === '' ? NaN : Number(value);
	if (number > 0 && Number.isFinite(number)) return number;
	throw new NodeOperationError(context.getNode(), `Enter a number above 0 under "${label}".`, { itemIndex: index });
}

/**
 * A text, empty where none was entered.
 *
 * @throws NodeOperationError where an expression came to nothing: an action must not reach further because of that
 */
export function text(context: IExecuteFunctions, name: string, label: string, index: number): string {
	const value: unknown = context.getNodeParameter(name, index, '');
	const given = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : undefined;
	const raw = context.getNode().parameters[name];
	const isExpression = typeof raw === 'string' && raw.startsWith('=');
	if (given !== undefined && !(given === '' && isExpression)) return given;
	throw new NodeOperationError(
		context.getNode(),
		`The expression under "${label}" gives nothing for item ${index + 1}. Choose a field that the item has.`,
		{ itemIndex: index },
	);
}
