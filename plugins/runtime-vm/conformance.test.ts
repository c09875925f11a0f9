import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';
import { machinesMissing } from '../../test/fixtures/node-requirements.ts';
import { cannot, lacks, timeFactor } from './cannot.ts';

/** A machine's start takes seconds: one or two cases of all that its guest has a part in. The long tests judge by the whole suite. */
const focus = new RegExp(
  [
    '^runtime\\.',
    '^sandbox\\.(run|stop|remove)',
    '^container\\.',
    '^pod\\.(dns|pid|network)',
    '^process\\.(tty|killed)',
    '^security\\.(run-as-user$|drop-capability|apparmor)',
    '^mount\\.(nested|shared|image$|propagation|device)',
    '^resource\\.(memory-limit|out-of|update$)',
    '^log\\.(many|long|reopen)',
    '^exec-sync\\.(result|timeout)',
    '^streaming\\.(exec-(stdin|tty$)|attach|port-forward)',
    '^stats\\.(container|sandbox-processes)',
    '^restart\\.(keeps-running|ended)',
  ].join('|'),
);

describe('runtime-vm', () => criConformance('vm', { requirements: machinesMissing, lacks, cannot, timeFactor, focus }));
