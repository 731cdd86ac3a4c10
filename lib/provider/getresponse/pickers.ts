import { z } from 'zod/v4';
import { understood } from '../access';
import type { ChoicesUse, FoundChoices, Searched } from '../pull';
import { transportOf } from './access';
import { id, pageOf } from './list';

/** Lists to choose from, searched and page by page. */

const PAGE_SIZE = 100;

interface Picked {
	readonly path: string;
	readonly idField: string;
	readonly nameField: string;
	readonly sort: string;
	/** What is searched; default the name. */
	readonly search?: string;
}

function picker({ path, idField, nameField, sort, search = nameField }: Picked) {
	const rows = z.array(z.looseObject({ [idField]: id, [nameField]: z.string().nullish() }));
	return async ({ credential, exchange }: ChoicesUse, { text, page }: Searched): Promise<FoundChoices> => {
		const query = {
			fields: `${idField},${nameField}`,
			[`sort[${sort}]`]: 'ASC',
			...(text !== undefined && { [`query[${search}]`]: text }),
			...pageOf({ page, pageSize: PAGE_SIZE }),
		};
		const response = await transportOf(credential, { exchange }).send({ path, query });
		const found = understood('GetResponse', rows, response);
		const choices = found.map((row) => {
			const value = String(row[idField]);
			const { [nameField]: name } = row;
			return { name: typeof name === 'string' && name !== '' ? name : value, value };
		});
		return { choices, hasMore: found.length === PAGE_SIZE };
	};
}

export const pickers = {
	lists: picker({ path: '/campaigns', idField: 'campaignId', nameField: 'name', sort: 'name' }),
	customFields: picker({ path: '/custom-fields', idField: 'customFieldId', nameField: 'name', sort: 'name' }),
	newsletters: picker({ path: '/newsletters', idField: 'newsletterId', nameField: 'subject', sort: 'createdOn' }),
	shops: picker({ path: '/shops', idField: 'shopId', nameField: 'name', sort: 'name' }),
} as const;
