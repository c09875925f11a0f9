import { CgroupDriver } from '@berth/sdk/cri';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { TestShim, type TestShimOptions } from '../testing/test-shim.ts';

let shim: TestShim;

afterEach(() => shim.close());

async function start(features: TestShimOptions['features'] = {}): Promise<void> {
  shim = await TestShim.start({ features });
}

function tell(podCidr: string) {
  return shim.runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr } } });
}

async function known(): Promise<string[]> {
  return JSON.parse((await shim.runtime.status({ verbose: true })).info.info ?? '').podCidr;
}

describe('RuntimeConfig', () => {
  it.each([
    ['cgroupfs', CgroupDriver.CGROUPFS],
    ['systemd', CgroupDriver.SYSTEMD],
  ] as const)('tells the cgroup driver %s', async (cgroupDriver, expected) => {
    await start({ cgroupDriver });
    expect((await shim.runtime.runtimeConfig({})).linux?.cgroupDriver).toBe(expected);
  });

  it('is UNIMPLEMENTED without cgroups: clients go by their own setting then', async () => {
    await start();
    await expect(shim.runtime.runtimeConfig({})).rejects.toThrow(expect.objectContaining({ code: 'UNIMPLEMENTED' }));
  });
});

describe('UpdateRuntimeConfig', () => {
  it("keeps the pods' ranges over a restart; an empty one changes nothing", async () => {
    await start();
    await tell('10.244.1.0/24, fd00:1::/64');
    await tell('');
    await shim.restart();
    expect(await known()).toEqual(['10.244.1.0/24', 'fd00:1::/64']);
  });

  it('refuses what is no range, and keeps what it had', async () => {
    await start();
    await tell('10.244.1.0/24');
    const malformed = fc.oneof(
      fc.constantFrom('10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0.0/8,', '/8', '10.0.0.0/-1', '../../etc/passwd', '10.0.0.0/8/8', ' '),
      fc.string({ minLength: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(malformed, async (podCidr) => {
        await expect(tell(podCidr)).rejects.toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
        expect(await known()).toEqual(['10.244.1.0/24']);
      }),
      { numRuns: 100 },
    );
  });
});
