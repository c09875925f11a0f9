import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withoutRoot } from '../../testing/test-shim.ts';
import { runProgram } from '../run-program.ts';
import { pinNamespaces, unpinNamespaces } from '../sandbox/sandbox-namespaces.ts';
import { interfaceCounters } from './interface-counters.ts';

const signal = AbortSignal.timeout(30_000);

describe.skipIf(withoutRoot)(`interfaceCounters${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-counters-'));
  });

  afterEach(async () => {
    await unpinNamespaces(join(directory, 'pins'), signal);
    await rm(directory, { recursive: true });
  });

  it("tells what went through a pod's interfaces, and leaves this process in its own namespace", async () => {
    const { network = '' } = await pinNamespaces(join(directory, 'pins'), ['network'], '', signal);
    const inside = (...args: string[]) => runProgram('nsenter', [`--net=${network}`, 'ip', ...args], { signal });
    await inside('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
    await inside('link', 'set', 'eth0', 'up');
    await inside('link', 'set', 'eth1', 'up');
    const before = await runProgram('readlink', ['/proc/self/ns/net'], { signal });
    await expect.poll(() => interfaceCounters(network)?.find(({ name }) => name === 'eth0')?.sent.packets).toBeGreaterThan(0n);
    expect(
      interfaceCounters(network)
        ?.map(({ name }) => name)
        .toSorted(),
    ).toEqual(['eth0', 'eth1']);
    expect(await runProgram('readlink', ['/proc/self/ns/net'], { signal })).toBe(before);
  });

  it('tells nothing of a namespace that is gone', async () => {
    await writeFile(join(directory, 'pin'), '');
    expect(interfaceCounters(join(directory, 'pin'))).toBeUndefined();
    expect(interfaceCounters(join(directory, 'none'))).toBeUndefined();
  });
});
