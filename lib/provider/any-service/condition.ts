import { jsonpath } from 'json-p3';
import { HybridSyncError } from '../../base/errors';

/**
 * A condition on an event, as the filter of a JSON path: `@.data.amount > 1000 && @.data.currency == "eur"`.
 *
 * @throws HybridSyncError `configuration` where it is none
 * @see https://www.rfc-editor.org/rfc/rfc9535#section-2.3.5
 */
export function conditionOf(text: string): (event: unknown) => boolean {
	try {
		const query = jsonpath.compile(`$[?(${text})]`);
		return (event) => {
			try {
				return query.match([event] as never) !== undefined;
			} catch {
				// Too deep for the condition to be found out: rather one event too many than one lost.
				return true;
			}
		};
	} catch (cause) {
		throw new HybridSyncError(
			'configuration',
			`"Only Where" is not a condition that can be understood: ${text}. Write it like @.data.amount > 1000 && @.data.currency == "eur".`,
			{ cause },
		);
	}
}
