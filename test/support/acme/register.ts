import { type Provider, providers } from '../../../lib';
import { acme } from './acme';

/*
 * The line in the registry, here at run time; to be imported before the nodes, which are built from the registry as they are
 * loaded. Bell only pushes and Well is only polled: neither has a member to fake.
 */
const table = providers as unknown as Record<string, Provider>;
const { pull: _pull, ...pushing } = acme;
const { push: _push, ...pulling } = acme;
table['acme'] = acme;
table['bell'] = { ...pushing, name: 'bell', displayName: 'Bell' };
table['well'] = { ...pulling, name: 'well', displayName: 'Well', events: {} };

// One whose halves have a credential each.
const hook = { ...acme.push.credentials[0], type: 'acmeHook' };
table['twoKeys'] = { ...acme, name: 'twoKeys', displayName: 'Two Keys', push: { ...acme.push, credentials: [hook] } };
