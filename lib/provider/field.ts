/** An entry to choose. */
export interface Choice {
	readonly name: string;
	readonly value: string;
	readonly description?: string;
}

type Values = readonly (string | number | boolean)[];

/**
 * A field of a node that belongs to one provider. It has the form of an n8n parameter, but for when it is shown: the names
 * in `show` and `hide` are those of other fields, and the provider itself is added.
 */
export interface Field {
	readonly displayName: string;
	readonly name: string;
	/** Of `pickers` the user picks any number of things, each from a list that the provider is asked for, or by its id. */
	readonly type: 'string' | 'number' | 'boolean' | 'options' | 'multiOptions' | 'dateTime' | 'notice' | 'pickers';
	/** Of `pickers`: what one of them is, e.g. `List`. */
	readonly itemName?: string;
	readonly default: string | number | boolean | readonly string[] | Readonly<Record<string, never>>;
	readonly description?: string;
	readonly hint?: string;
	readonly placeholder?: string;
	readonly required?: boolean;
	readonly noDataExpression?: boolean;
	readonly typeOptions?: { readonly minValue?: number; readonly maxValue?: number; readonly rows?: number };
	/** Sorted by what the user reads. */
	readonly options?: readonly Choice[];
	/** Name of the provider's `choices` that the options are loaded from; of `pickers`, of its `searches`. */
	readonly choicesFrom?: string;
	/** Fields that they are loaded anew for when they change. */
	readonly dependsOn?: readonly string[];
	readonly show?: Readonly<Record<string, Values>>;
	readonly hide?: Readonly<Record<string, Values>>;
}
