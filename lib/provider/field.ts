type Values = readonly (string | number | boolean)[];

/**
 * A field of a node that belongs to one provider. It has the form of an n8n parameter, but for when it is shown: the names
 * in `show` and `hide` are those of other fields, and the provider itself is added.
 */
export interface Field {
	readonly displayName: string;
	readonly name: string;
	readonly type: 'string' | 'number' | 'boolean' | 'options' | 'multiOptions' | 'dateTime' | 'notice';
	readonly default: string | number | boolean | readonly string[];
	readonly description?: string;
	readonly hint?: string;
	readonly placeholder?: string;
	readonly required?: boolean;
	readonly noDataExpression?: boolean;
	readonly typeOptions?: { readonly minValue?: number; readonly maxValue?: number; readonly rows?: number };
	/** Sorted by what the user reads. */
	readonly options?: readonly { readonly name: string; readonly value: string; readonly description?: string }[];
	readonly show?: Readonly<Record<string, Values>>;
	readonly hide?: Readonly<Record<string, Values>>;
}
