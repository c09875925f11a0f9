import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';
import { machinesMissing } from '../../test/fixtures/node-requirements.ts';
import { cannot, lacks, timeFactor } from './cannot.ts';

/**
 * A machine's start takes seconds: of what its guest has a part in, the cases that a machine does otherwise and that
 * test/e2e/machines.test.ts doesn't look at. The long tests judge by the whole suite.
 */
const focus = new RegExp(
  [
    '^runtime\\.(status-ready|handlers|config)$',
    '^sandbox\\.(run|stop-ends-containers)$',
    '^container\\.(lifecycle|stop-signal-first|volume|missing-command|checkpoint)$',
    '^pod\\.(dns|network-address)$',
    '^process\\.(tty|killed)$',
    '^security\\.(run-as-user|drop-capability)$',
    '^mount\\.(nested|shared-between-containers|image|device)$',
    '^resource\\.(memory-limit|update)$',
    '^log\\.(many-lines|reopen)$',
    '^exec-sync\\.(result|timeout)$',
    '^streaming\\.(exec-stdin|attach-output|attach-stdin|port-forward)$',
    '^stats\\.container$',
    '^image\\.(file-attributes|file-capabilities)$',
    '^restart\\.keeps-running$',
  ].join('|'),
);

describe('runtime-vm', () => criConformance('vm', { requirements: machinesMissing, lacks, cannot, timeFactor, focus }));
