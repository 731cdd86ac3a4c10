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
}

function picker({ path, idField, nameField, sort }: Picked) {
	const rows = z.array(z.looseObject({ [idField]: id, [nameField]: z.string().nullish() }));
	return async ({ credential, exchange }: ChoicesUse, { text, page }: Searched): Promise<FoundChoices> => {
		const query = {
			fields: `${idField},${nameField}`,
			[`sort[${sort}]`]: 'ASC',
			...(text !== undefined && { [`query[${nameField}]`]: text }),
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
	shops: picker({ path: '/shops', idField: 'shopId', nameField: 'name', sort: 'name' }),
} as const;
