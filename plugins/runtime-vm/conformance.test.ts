import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';
import { machinesMissing } from '../../test/fixtures/node-requirements.ts';

describe('runtime-vm', () => criConformance('vm', { requirements: machinesMissing }));
