/** One line of Check Setup. */
export interface Finding {
	/** `problem`: events may not come, or be lost to the workflow. `warning`: it works, and could be better. */
	readonly result: 'problem' | 'warning' | 'ok';
	/** What was looked at. */
	readonly check: string;
	/** The node that it is about, or `(workflow)`. */
	readonly node: string;
	/** What was found. */
	readonly finding: string;
	/** What to do about it. */
	readonly todo: string;
}

const NOTHING = 'Nothing.';

/** Makes findings of one check. */
export function findings(check: string) {
	const make =
		(result: Finding['result']) =>
		(node: string, finding: string, todo = NOTHING): Finding => ({
			result,
			check,
			node: node === '' ? '(workflow)' : node,
			finding,
			todo,
		});
	return { problem: make('problem'), warning: make('warning'), ok: make('ok') };
}
