import { describe } from 'vitest';
import { criConformance } from '../../test/fixtures/cri-conformance.ts';

const reason = 'the containers of this runtime are records: they run no processes, have no network, and their images are names';

describe('runtime-fake', () => criConformance('fake', { lacks: { processes: reason, images: reason, network: reason } }));
