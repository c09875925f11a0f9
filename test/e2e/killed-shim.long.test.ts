import { describe, it } from 'vitest';
import { expectToSurviveKills } from '../fixtures/kill-rounds.ts';
import { machinesMissing, nodeMissing } from '../fixtures/node-requirements.ts';

describe('a shim that is killed at any moment loses nothing that it had answered, and leaves nothing half-made', () => {
  it.for(['runc', 'sentry'])('%s', async (handler, { skip }) => {
    const missing = nodeMissing();
    if (missing !== undefined) skip(missing);
    await expectToSurviveKills({ handler, rounds: 60, clients: 6, mostAnswers: 40, longestStartMs: 800 });
  });

  it('vm', async ({ skip }) => {
    const missing = machinesMissing();
    if (missing !== undefined) skip(missing);
    await expectToSurviveKills({ handler: 'vm', rounds: 10, clients: 2, mostAnswers: 10, longestStartMs: 2000 });
  });
});
