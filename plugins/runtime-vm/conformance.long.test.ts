import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';
import { machinesMissing } from '../../test/fixtures/node-requirements.ts';
import { cannot, lacks, timeFactor } from './cannot.ts';

describe('runtime-vm, by the whole suite', () => criConformance('vm', { requirements: machinesMissing, lacks, cannot, timeFactor }));
