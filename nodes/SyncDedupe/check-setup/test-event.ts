import { setTimeout as sleep } from 'node:timers/promises';
import type { IExecuteFunctions } from 'n8n-workflow';
import { type Ledger, type LoggedEvent, MINUTE, type RefusalWords, refusalWords, writeRefusals } from '../../../lib';
import { type Finding, findings } from './finding';

/** Waits for an event that the user causes now, and says which step it has reached. */

const LOOK_EVERY_MS = 1_000;

/**
 * @param began only an event that has come since counts; milliseconds since the epoch
 * @param waitMs how long to wait at most, in milliseconds
 */
export async function followTestEvent(
	context: IExecuteFunctions,
	{ ledger, stream }: { readonly ledger: Ledger; readonly stream: string },
	began: number,
	waitMs: number,
): Promise<Finding> {
	const until = performance.now() + waitMs;
	const signal = context.getExecutionCancelSignal();
	let event: LoggedEvent | undefined;
	while (performance.now() < until && signal?.aborted !== true) {
		await sleep(LOOK_EVERY_MS);
		const { events } = await ledger.lookUp(stream, { from: began }, { limit: 1 });
		event = events[0] ?? event;
		if (event && ['done', 'dead', 'failed', 'delivered'].includes(event.state)) break;
	}
	const refused = event?.path === 'webhook' ? undefined : await refusedSince({ ledger, stream }, began);
	return event ? stepOf(event, refused) : notArrived(refused);
}

function stepOf({ path, state, recovered, reason, id }: LoggedEvent, refused: RefusalWords | undefined): Finding {
	const { problem, warning, ok } = findings('Test event');
	const way = path === 'webhook' ? 'by webhook' : recovered ? 'by polling, and no webhook brought it' : 'by polling';
	const arrived = `Event ${id} arrived ${way}`;
	switch (state) {
		case 'done':
		case 'delivered':
			if (!recovered) {
				return ok(
					'',
					`${arrived}, and reached the end: ${state === 'done' ? 'it is finished' : 'n8n has executed it'}.`,
				);
			}
			return refused
				? problem(
						'',
						`${arrived}, and reached the workflow. A webhook arrived meanwhile and was refused. ${refused.what}.`,
						refused.todo,
					)
				: warning('', `${arrived}, and reached the workflow.`, 'Look at the findings about the webhook above.');
		case 'claimed':
			return warning(
				'',
				`${arrived}, and passed Sync Dedupe. It is not confirmed yet.`,
				'Is the execution still running, or did a step before Confirm stop it? Look at the executions list.',
			);
		case 'received':
		case 'handed':
			return warning(
				'',
				`${arrived}, and waits for n8n to execute it.`,
				'Look at the executions list: is it queued, or did it fail before Sync Dedupe?',
			);
		case 'failed':
			return problem(
				'',
				`${arrived}, and its execution failed: ${reason ?? 'no reason was given'}`,
				'Mend the step that failed. The event is tried again by itself.',
			);
		case 'dead':
			return problem(
				'',
				`${arrived}, and was given up: ${reason ?? 'no reason was given'}`,
				'See it with List Problems, and bring it back with Replay.',
			);
	}
}

/** Why the latest webhook was refused that has come since. */
async function refusedSince(
	{ ledger, stream }: { readonly ledger: Ledger; readonly stream: string },
	began: number,
): Promise<RefusalWords | undefined> {
	await writeRefusals(stream);
	const { lastHour } = await ledger.facts(stream, { periodMs: MINUTE, windowMs: MINUTE, freshWithinMs: MINUTE });
	const refused = lastHour.filter(({ name, last_at }) => name === 'refused' && last_at >= began);
	const [latest] = refused.toSorted((one, other) => other.last_at - one.last_at);
	return latest && refusalWords(latest.label);
}

function notArrived(refused: RefusalWords | undefined): Finding {
	const { problem } = findings('Test event');
	if (refused) return problem('', `A webhook arrived and was refused. ${refused.what}.`, refused.todo);
	return problem(
		'',
		'No event came, neither by webhook nor by polling.',
		'Did you cause it in the service while this ran, and is it one of the chosen events? Polling can take up to 30 minutes; a webhook takes seconds. If none came, look at the delivery log of the webhook in the service.',
	);
}
