import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';

describe('runtime-sentry', () => criConformance('sentry'));
