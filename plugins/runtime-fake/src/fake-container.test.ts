import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import type { ContainerSpec, Exit } from '@berth/shim/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { behaviourOf } from './behaviour.ts';
import { FakeContainer } from './fake-container.ts';

let directory: string;
let containers: FakeContainer[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-fake-'));
  containers = [];
});

afterEach(() => {
  for (const container of containers) container.dispose();
  rmSync(directory, { recursive: true });
});

const never = new AbortController().signal;

/** A container over the test's directory: a second one is the first one after a restart of the shim. */
function container(annotations: Record<string, string> = {}): { container: FakeContainer; exit: Promise<Exit> } {
  const { promise, resolve } = Promise.withResolvers<Exit>();
  const sandbox = { id: 's', config: PodSandboxConfig.fromPartial({}), directory, namespaces: {}, sharedPid: false, files: {} };
  const process = { args: [], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } };
  const logPath = join(directory, 'logs/0.log');
  const spec: ContainerSpec = {
    id: 'c',
    sandbox,
    config: ContainerConfig.fromPartial({
      annotations: { 'io.kubernetes.container.terminationMessagePath': '/dev/termination-log' },
      mounts: [{ hostPath: join(directory, 'last-words'), containerPath: '/dev/termination-log' }],
    }),
    directory,
    rootfs: undefined,
    process,
    mounts: [],
    logPath,
    stopSignal: 'SIGTERM',
  };
  const prefixed = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`fake.berth.dev/${name}`, value]));
  const made = new FakeContainer(spec, behaviourOf('main', prefixed), resolve);
  containers.push(made);
  return { container: made, exit: promise };
}

describe('FakeContainer', () => {
  it('ends by itself with its exit code', async () => {
    const { container: crashing, exit } = container({ 'exit-after': '10ms', 'exit-code': '3' });
    await crashing.start(never);
    expect(await exit).toMatchObject({ exitCode: 3 });
  });

  it('ends well when it is asked to stop', async () => {
    const { container: server, exit } = container();
    await server.start(never);
    server.signal('SIGTERM');
    expect(await exit).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGQUIT', 131],
    ['37', 165],
  ])('says 128 + the number of %s where that ends it before its time', async (signal, exitCode) => {
    const { container: job, exit } = container({ 'exit-after': '1m' });
    await job.start(never);
    job.signal(signal);
    expect(await exit).toMatchObject({ exitCode });
  });

  it('ignores a stop if it is told to, but not a kill', async () => {
    const { container: stubborn, exit } = container({ 'ignore-stop': 'true' });
    await stubborn.start(never);
    stubborn.signal('SIGTERM');
    expect(stubborn.found()).toMatchObject({ state: 'running' });
    stubborn.signal('SIGKILL');
    expect(await exit).toMatchObject({ exitCode: 137 });
  });

  it('never starts if it is told so, until the caller gives up', async () => {
    const { container: slow } = container({ 'start-after': 'never' });
    await expect(slow.start(AbortSignal.timeout(20))).rejects.toThrow();
    expect(slow.found()).toEqual({ state: 'created' });
  });

  it('writes its lines in CRI log format', async () => {
    const { container: talking } = container({ output: 'one\ntwo' });
    await talking.start(never);
    const lines = readFileSync(join(directory, 'logs/0.log'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/^\S+ /, ''))).toEqual(['stdout F one', 'stdout F two']);
  });

  it('says why it ends in its termination log', async () => {
    writeFileSync(join(directory, 'last-words'), '');
    const { container: crashing, exit } = container({ 'exit-after': '1ms', 'exit-code': '3', 'termination-message': 'out of luck' });
    await crashing.start(never);
    await exit;
    expect(readFileSync(join(directory, 'last-words'), 'utf8')).toBe('out of luck');
  });

  it('goes on after a restart of the shim', async () => {
    const before = container();
    await before.container.start(never);
    before.container.dispose();
    const after = container();
    expect(after.container.found()).toMatchObject({ state: 'running' });
    after.container.signal('SIGTERM');
    expect(await after.exit).toMatchObject({ exitCode: 0 });
  });

  it('has ended in the meantime if its time came while no shim ran', async () => {
    const before = container({ 'exit-after': '1ms', 'exit-code': '4' });
    await before.container.start(never);
    before.container.dispose();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(container({ 'exit-after': '1ms', 'exit-code': '4' }).container.found()).toMatchObject({
      state: 'exited',
      exit: { exitCode: 4 },
    });
  });
});
