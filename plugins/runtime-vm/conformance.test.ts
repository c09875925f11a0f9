import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';
import { machinesMissing } from '../../test/fixtures/node-requirements.ts';

/** A machine's start takes seconds of one CPU: as many at once as the smallest host has. */
const groups = [/^container\./, /^(?!container\.)/];

describe('runtime-vm', () => criConformance('vm', { requirements: machinesMissing, groups }));
