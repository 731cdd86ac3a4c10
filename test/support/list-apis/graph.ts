import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Order,
	type Place,
	type Reply,
	ListModel,
	after,
	byCreated,
	byUpdated,
	inOrder,
	placeOf,
	uuidOf,
	wholeNumber,
} from './model';

/**
 * Policies of Intune in Microsoft Graph: a list with `$skiptoken`, and with times to a ten-millionth of a second, without
 * zeros at the end. The pages are
 * https://learn.microsoft.com/en-us/graph/api/resources/intune-deviceconfigv2-devicemanagementconfigurationpolicy,
 * https://learn.microsoft.com/en-us/graph/paging, https://learn.microsoft.com/en-us/graph/query-parameters and
 * https://learn.microsoft.com/en-us/graph/errors. The token is encoded twice, and so is spoilt by a client that decodes
 * the link once too often; an answer of the service, kept in https://github.com/rknightion/graph2otel, shows that, and
 * that the list is in the order of the names. Guessed: the sizes of a page, and `$orderby`.
 */
class GraphPolicies extends ListModel {
	readonly pageSize = 1000;
	readonly defaultPageSize = 100;
	protected override readonly step = 1;

	protected idOf(n: number): string {
		return uuidOf(`policy ${n}`);
	}

	protected reply({ url }: ListApiRequest, base: string, now: number): Reply {
		if (url.pathname !== PATH) {
			const segment = url.pathname.split('/').at(-1) ?? '';
			return refusal(400, 'BadRequest', `Resource not found for the segment '${segment}'.`, now);
		}
		const query = url.searchParams;
		const unknown = [...query.keys()].find((name) => name.startsWith('$') && !KNOWN.includes(name));
		if (unknown !== undefined) return refusal(400, 'BadRequest', `Query option '${unknown}' is not supported.`, now);
		const top = wholeNumber(query.get('$top') ?? String(this.defaultPageSize));
		if (top === undefined || top < 0) {
			const message = `Invalid value '${query.get('$top') ?? ''}' for $top query option found. The $top query option requires a non-negative integer value.`;
			return refusal(400, 'BadRequest', message, now);
		}
		const order = readOrder(query.get('$orderby') ?? '');
		const token = query.get('$skiptoken');
		const place = token === null ? undefined : readToken(token);
		if (token !== null && !place) return refusal(400, 'BadRequest', 'Skip token is invalid.', now);
		const ordered = inOrder(this.entries, order);
		const rest = place ? after(ordered, order, place) : ordered;
		const rows = rest.slice(0, Math.min(top, this.pageSize));
		const last = rows.at(-1);
		const link = last && rest.length > rows.length ? linkTo(base, url.search, placeOf(last, order)) : undefined;
		return {
			headers: {
				'content-type':
					'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
			},
			body: {
				'@odata.context': `${base}/beta/$metadata#deviceManagement/configurationPolicies`,
				'@odata.count': ordered.length,
				...(link !== undefined && { '@odata.nextLink': link }),
				value: rows.map((entry) => policy(entry, this.idOf(entry.n))),
			},
		};
	}
}

const PATH = '/beta/deviceManagement/configurationPolicies';
const KNOWN = ['$top', '$skiptoken', '$orderby'];
const TOKEN = '[cosmosdb]';

function nameOf({ n }: Entry): string {
	return `${['Defender', 'BitLocker', 'Firewall', 'Update', 'Account'][n % 5] ?? ''} ring ${n}`;
}

function readOrder(text: string): Order {
	const [, field = '', direction = ''] = /^(\w+)(?: (asc|desc))?$/.exec(text) ?? [];
	const by = { createdDateTime: byCreated, lastModifiedDateTime: byUpdated }[field];
	return { by: by ?? ((entry) => nameOf(entry).toLowerCase()), descending: direction === 'desc' };
}

function readToken(text: string): Place | undefined {
	try {
		const token = decodeURIComponent(text);
		// Encoded once too little, or once too often.
		if (token === text || !token.startsWith(TOKEN)) return undefined;
		return JSON.parse(token.slice(TOKEN.length)) as Place;
	} catch {
		return undefined;
	}
}

/** The other parameters stay as they were written. */
function linkTo(base: string, search: string, place: Place): string {
	const kept = search
		.slice(1)
		.split('&')
		.filter((part) => part !== '' && !/^(\$|%24)skiptoken=/i.test(part));
	const token = encodeURIComponent(encodeURIComponent(`${TOKEN}${JSON.stringify(place)}`));
	return `${base}${PATH}?${[...kept, `$skiptoken=${token}`].join('&')}`;
}

function refusal(status: number, code: string, message: string, now: number): Reply {
	const id = uuidOf(message);
	const innerError = { date: new Date(now).toISOString().slice(0, 19), 'request-id': id, 'client-request-id': id };
	return { status, body: { error: { code, message, innerError } } };
}

/** The test knows the milliseconds; the rest follows from the number and the changes. */
function written(milliseconds: number, n: number, changes: number): string {
	const rest = String((n * 7919 + changes * 101) % 10_000).padStart(4, '0');
	return `${new Date(milliseconds).toISOString().slice(0, -1)}${rest}`.replace(/\.?0+$/, '').concat('Z');
}

function policy(entry: Entry, id: string): object {
	const { n, created, updated, changes } = entry;
	return {
		createdDateTime: written(created, n, 0),
		creationSource: null,
		description: '',
		lastModifiedDateTime: written(updated, n, changes),
		name: nameOf(entry),
		platforms: 'windows10',
		priorityMetaData: null,
		roleScopeTagIds: ['0'],
		settingCount: 2 + changes,
		technologies: 'mdm,microsoftSense',
		id,
		isAssigned: n % 2 === 0,
		templateReference: {
			templateId: `${uuidOf(`template ${n % 5}`)}_1`,
			templateFamily: 'endpointSecurityAntivirus',
			templateDisplayName: 'Microsoft Defender Antivirus',
			templateDisplayVersion: 'Version 1',
		},
	};
}

export const graph: ListApi = { name: 'Microsoft Graph policies', url: PATH, create: () => new GraphPolicies() };
