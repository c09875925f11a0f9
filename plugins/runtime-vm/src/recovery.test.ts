import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import { ContainerState, MachineMonitorService, type StatusResponse } from '@berth/sdk/machine-monitor';
import { type Served, serve } from '@berth/sdk/serve';
import type { ContainerSpec, SandboxSpec } from '@berth/shim/runtime';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MachineDirectory } from './machine/machine-directory.ts';
import { Machines } from './machine/machines.ts';
import { recoverMachines } from './recovery.ts';

let directory: string;
let machines: Machines;
let monitors: Served[];
const { signal } = new AbortController();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-recovery-'));
  machines = new Machines({ directory, log: pino({ level: 'silent' }), endedUnasked: () => undefined });
  monitors = [];
});

afterEach(async () => {
  await Promise.all(monitors.map((monitor) => monitor.close(0)));
  rmSync(directory, { recursive: true });
});

function sandbox(id: string): SandboxSpec {
  return { id, config: PodSandboxConfig.create(), directory, namespaces: {}, sharedPid: false, files: {} };
}

function container(id: string, of: SandboxSpec): ContainerSpec {
  return {
    id,
    sandbox: of,
    config: ContainerConfig.create(),
    directory,
    rootfs: undefined,
    process: { args: [], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
    mounts: [],
    logPath: undefined,
    stopSignal: 'SIGTERM',
  };
}

/** A machine's monitor in this process; `status` answers for it. */
async function monitor(of: SandboxSpec, status: () => Promise<StatusResponse>): Promise<void> {
  const { path, monitorSocket } = MachineDirectory.of(directory, of.id);
  mkdirSync(path);
  const implementation = {
    status,
    async *watch(_request: object, context: { signal: AbortSignal }) {
      await once(context.signal, 'abort');
      yield* [];
    },
  };
  monitors.push(await serve(`unix://${monitorSocket}`, [[MachineMonitorService, implementation]]));
}

describe('recoverMachines', () => {
  it('asks all machines at the same time', async () => {
    const [one, two] = [sandbox('one'), sandbox('two')];
    const bothAsked = Promise.withResolvers<void>();
    let asked = 0;
    for (const each of [one, two]) {
      await monitor(each, async () => {
        asked += 1;
        if (asked === 2) bothAsked.resolve();
        await bothAsked.promise;
        return { containers: { [`in ${each.id}`]: ContainerState.CONTAINER_STATE_RUNNING } };
      });
    }
    const containers = [container('in one', one), container('in two', two)];
    const found = await recoverMachines({ sandboxes: [one, two], containers }, { machines, exitOf: async () => undefined }, signal);
    expect(found.sandboxes.toSorted()).toEqual(['one', 'two']);
    expect(found.containers).toMatchObject({ 'in one': { state: 'running' }, 'in two': { state: 'running' } });
    for (const each of [one, two]) machines.of(each).close();
  });

  it('says of each machine that is gone why', async () => {
    const silent = sandbox('silent');
    await monitor(silent, () => Promise.withResolvers<StatusResponse>().promise);
    const ended = sandbox('ended');
    mkdirSync(MachineDirectory.of(directory, 'ended').path);
    writeFileSync(MachineDirectory.of(directory, 'ended').endReason, 'QEMU was killed by SIGKILL');
    const died = sandbox('died');
    mkdirSync(MachineDirectory.of(directory, 'died').path);
    const sandboxes = [silent, ended, died, sandbox('absent')];
    const containers = sandboxes.map((each) => container(`in ${each.id}`, each));
    const found = await recoverMachines({ sandboxes, containers }, { machines, exitOf: async () => undefined }, signal);
    expect(found.sandboxes).toEqual([]);
    const messages = Object.values(found.containers).map((each) => each.state === 'exited' && each.exit.message);
    expect(messages).toEqual([
      'its monitor has not answered for 5 s',
      'QEMU was killed by SIGKILL',
      'its monitor has died, and the machine with it',
      'its machine is gone, as after a restart of the host',
    ]);
  });
});
