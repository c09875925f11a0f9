import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage, type Running } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { kubeletGet } from '../fixtures/kubelet-socket.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';

const run = ['run', '--image', exampleImage, '-f', join(repository, 'examples/sidecar.yaml')];

let home: BerthHome;
let before: HostState;

beforeEach(() => {
  before = readHostState();
  home = new BerthHome();
});

afterEach(() => home.remove());

interface ListedPod {
  status: { podIP: string; containerStatuses: { name: string; containerID: string; restartCount: number; ready: boolean }[] };
}

async function containers(): Promise<string[]> {
  const [pod] = JSON.parse((await home.berth('ps', '-o', 'json')).stdout) as ListedPod[];
  return (pod?.status.containerStatuses ?? []).map(
    ({ name, containerID, restartCount, ready }) => `${name} ${containerID} restarts ${restartCount} ready ${ready}`,
  );
}

/** The processes that serve this home's runtimes: `main.ts --listen unix://RUN/HANDLER.sock`. */
function shimPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes(`unix://${home.run}/runc.sock`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** How often the node has asked its runtimes for all that they have. */
async function relists(): Promise<number> {
  const [, count] = /^kubelet_pleg_relist_duration_seconds_count (\d+)$/m.exec(await kubeletGet(home, '/metrics')) ?? [];
  return Number(count);
}

async function ready(node: Running): Promise<void> {
  await node.says(/the node goes on/);
}

describe('on runc', () => {
  beforeEach(skipIfMissing(nodeMissing));

  it('a shim that is killed comes back, and no container restarts', async () => {
    const node = home.start(run);
    await ready(node);
    const earlier = await containers();
    const [pid] = shimPids();
    process.kill(pid as number, 'SIGKILL');
    const already = await relists();
    await expect.poll(() => shimPids()[0] ?? pid).not.toBe(pid);
    // One may have been under way.
    await expect.poll(relists, { timeout: 30_000 }).toBeGreaterThanOrEqual(already + 2);
    expect(await containers()).toEqual(earlier);
    expect((await home.berth('logs', 'sidecar', '-c', 'web')).stdout).toContain('serving /www');
    expect((await node.interrupt()).status).toBe(0);
    await expectHostState(before);
  });

  it('a shim that hangs does not keep the node from answering, and the pods end once it goes on', async () => {
    const node = home.start(run);
    await ready(node);
    const [pid] = shimPids();
    process.kill(pid as number, 'SIGSTOP');
    await sleep(1500);
    expect(await containers()).toHaveLength(2);
    process.kill(pid as number, 'SIGCONT');
    expect((await node.interrupt()).status).toBe(0);
    await expectHostState(before);
  });

  it('a node that is killed leaves its pods running, and the next one takes them over', async () => {
    const killed = home.start(run);
    await ready(killed);
    const earlier = await containers();
    killed.child.kill('SIGKILL');
    await killed.ended;
    await expect.poll(shimPids).toEqual([]);
    const next = home.start(run);
    await ready(next);
    expect(await containers()).toEqual(earlier);
    expect((await next.interrupt()).status).toBe(0);
    await expectHostState(before);
  });

  it('--keep leaves the pods to the next node', async () => {
    const first = home.start([...run, '--keep']);
    await ready(first);
    const earlier = await containers();
    expect((await first.interrupt()).status).toBe(0);
    expect(readHostState().processes).not.toEqual(before.processes);
    const next = home.start(run);
    await ready(next);
    expect(await containers()).toEqual(earlier);
    expect((await next.interrupt()).status).toBe(0);
    await expectHostState(before);
  });
});
