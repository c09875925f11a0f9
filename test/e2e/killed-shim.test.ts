import { beforeEach, it } from 'vitest';
import { expectToSurviveKills } from '../fixtures/kill-rounds.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';

beforeEach(skipIfMissing(nodeMissing));

it('a shim that is killed at any moment loses nothing that it had answered, and leaves nothing half-made', async () => {
  await expectToSurviveKills({ handler: 'runc', rounds: 3, clients: 4, mostAnswers: 25, longestStartMs: 600, seed: 4 });
});
