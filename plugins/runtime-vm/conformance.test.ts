import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';
import { machinesMissing } from '../../test/fixtures/node-requirements.ts';
import { cannot, lacks, timeLimitFactor } from './cannot.ts';

/** A machine's start takes seconds: what its guest has a part in. The rest of the suite is the shim's, and judged by the long tests. */
const focus =
  /^(container|process|security|mount|log|exec-sync|streaming|restart)\.|^resource\.(memory|out-of|update)|^stats\.(container|cpu)|^pod\.(dns|pid)/;

describe('runtime-vm', () => criConformance('vm', { requirements: machinesMissing, lacks, cannot, timeLimitFactor, focus }));
