import { runCriSuite } from '@berth/conformance/cri';
import type { Report } from '@berth/conformance/suite';
import { describe, expect, it } from 'vitest';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { containerdMissing } from '../fixtures/containerd.ts';
import { type CriServer, startContainerd } from '../fixtures/cri-servers.ts';

const cgroupParent = `/berth-conformance-${process.pid}`;

/** Where containerd 1.6.20 departs from the protocol's text, case by case: the suite is right, and so is the reason. */
const deviations: Record<string, string> = {
  'image.list': 'ListImages of containerd 1.6 ignores its filter and lists all images',
};

describe('the CRI suite on real containerd', () => {
  it('passes, but for listed deviations', async ({ skip }) => {
    const missing = containerdMissing();
    if (missing !== undefined) skip(missing);
    const report = await judged(await startContainerd());
    const failed = report.cases.filter((one) => one.result === 'failed');
    expect(failed.filter((one) => !(one.id in deviations))).toEqual([]);
    expect(failed.map((one) => one.id).sort()).toEqual(Object.keys(deviations).sort());
    expect(report.summary.passed).toBeGreaterThanOrEqual(12);
  });
});

async function judged(server: CriServer): Promise<Report> {
  try {
    return await runCriSuite({ runtimeEndpoint: server.endpoint, cgroupParent });
  } finally {
    await server.stop();
    removeCgroups(cgroupParent);
  }
}
