import { join } from 'node:path';
import { deviceSuite, runDeviceSuite } from '@berth/conformance/device';
import { describe, expect, it } from 'vitest';
import { breakDevice, mendDevice } from '../fixtures/device-plugins.ts';
import { deviceMutants } from './device-mutants.ts';

const program = join(import.meta.dirname, 'device-mutants/run-mutant.ts');

describe('the device suite catches a plugin that', () => {
  it.concurrent.for(deviceMutants)('$breaks, by $caughtBy', async ({ breaks, caughtBy, saying, resource }) => {
    expect(deviceSuite.cases.map(({ id }) => id)).toContain(caughtBy);
    const command = `"${process.execPath}" "${program}" '${breaks}'`;
    const target = { command, patienceMs: 5_000, makeUnhealthy: breakDevice, makeHealthy: mendDevice, ...(resource && { resource }) };
    const { cases } = await runDeviceSuite(target, { focus: new RegExp(`^${caughtBy.replaceAll('.', '\\.')}$`) });
    const failed = cases.filter(({ result }) => result === 'failed');
    expect(failed).toMatchObject([{ id: caughtBy, reason: expect.stringContaining(saying) }]);
  });
});
