/** Something authentic that cannot be read as an event. It is kept as it arrived, to be looked at and replayed. */
export interface DeadLetter {
	readonly key: string;
	/** What arrived, as it arrived. */
	readonly data: unknown;
	readonly reason: string;
}
