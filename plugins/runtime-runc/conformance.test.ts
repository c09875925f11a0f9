import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';

// Half of a case is waiting: for the kernel, for programs that end, for the disk.
describe('runtime-runc', () => criConformance('runc', { parallel: 8 }));
