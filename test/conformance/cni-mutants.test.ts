import { cniSuite, runCniSuite } from '@berth/conformance/cni';
import type { CaseReport } from '@berth/conformance/suite';
import { describe, expect, it } from 'vitest';
import { cniMissing } from '../fixtures/cni-requirements.ts';
import { type CniMutant, installMutant } from './cni-mutants/mutant.ts';
import { cniMutants } from './cni-mutants.ts';

/** The cases of these ids, on a plugin that is a mutant. */
async function judge(mutant: Pick<CniMutant, 'plugin' | 'script'>, ids: string[]): Promise<CaseReport[]> {
  const { plugin, path, remove } = installMutant(mutant);
  try {
    const focus = new RegExp(`^(${ids.map((id) => id.replaceAll('.', '\\.')).join('|')})$`);
    return (await runCniSuite({ plugin, path }, { focus, parallel: 2 })).cases;
  } finally {
    remove();
  }
}

describe('the CNI suite catches a plugin that', () => {
  const mutated = [...Map.groupBy(cniMutants, ({ plugin }) => plugin)];

  it.concurrent.for(mutated)('breaks no rule: passes %s', async ([plugin, mutants], { skip }) => {
    const missing = cniMissing('ours');
    if (missing !== undefined) skip(missing);
    const ids = [...new Set(mutants.map(({ caughtBy }) => caughtBy))];
    const cases = await judge({ plugin, script: '' }, ids);
    expect(cases.filter(({ result }) => result !== 'passed')).toEqual([]);
    expect(cases).toHaveLength(ids.length);
  });

  it.concurrent.for(cniMutants)('$breaks, by $caughtBy ($plugin)', async (mutant, { skip }) => {
    const missing = cniMissing('ours');
    if (missing !== undefined) skip(missing);
    expect(cniSuite.cases.map(({ id }) => id)).toContain(mutant.caughtBy);
    const failed = (await judge(mutant, [mutant.caughtBy])).filter(({ result }) => result === 'failed');
    expect(failed).toMatchObject([{ id: mutant.caughtBy, reason: expect.stringContaining(mutant.saying) }]);
  });
});
