import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../../testing/collect.ts';
import type { ContainerSpec, RuntimeEvent, SandboxSpec } from '../runtime.ts';
import { ExitEvents } from './exit-events.ts';
import { ExitFiles } from './exit-files.ts';

describe('ExitEvents', () => {
  let directory: string;
  let exits: ExitFiles;
  let events: ExitEvents;
  let reading: AsyncIterable<RuntimeEvent>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-ends-'));
    exits = new ExitFiles(directory);
    events = new ExitEvents({
      exits,
      explain: async (_container, exit) => ({ ...exit, ...(exit.exitCode === 137 && { reason: 'OOMKilled' }) }),
      log: pino({ level: 'silent' }),
    });
    reading = events.read(AbortSignal.timeout(10_000));
    await events.open();
  });

  afterEach(() => rm(directory, { recursive: true }));

  /** The next events, without repetitions, up to and with `sandboxGone` of `last`: what is told of the others is told before. */
  async function toldUntilGone(last: string): Promise<string[]> {
    events.sandboxGone(last, 'the test has seen enough');
    const told = new Set<string>();
    for await (const event of reading) {
      const id = event.type === 'sandboxGone' ? event.sandboxId : event.containerId;
      if (id === last) break;
      told.add(`${event.type} ${id}${event.type === 'exited' ? ` ${event.exit.exitCode}` : ''}`);
    }
    return [...told];
  }

  it('tells how a followed container ends, after what ended it', async () => {
    await events.followContainer(container('c1'));
    await exits.write('c1', 137);
    expect(await collect(reading, 2)).toEqual([
      { type: 'oom', containerId: 'c1' },
      { type: 'exited', containerId: 'c1', exit: { exitCode: 137, reason: 'OOMKilled', finishedAt: expect.any(Date) } },
    ]);
    expect(await events.exitOf(container('c1'))).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(await events.exitOf(container('c2'))).toBeUndefined();
  });

  it('tells an end that came before it was followed', async () => {
    await exits.write('c1', 3);
    await exits.write('s1', 137);
    await events.followContainer(container('c1'));
    await events.followSandbox(sandbox('s1', true));
    expect(await toldUntilGone('end')).toEqual(['exited c1 3', 'sandboxGone s1']);
  });

  it('tells the end of a sandbox by the process that holds its PID namespace, and only where it shares one', async () => {
    await events.followSandbox(sandbox('s1', false));
    await events.followSandbox(sandbox('s2', true));
    await exits.write('s1', 0);
    await exits.write('s2', 137);
    expect(await collect(reading, 1)).toEqual([
      { type: 'sandboxGone', sandboxId: 's2', message: expect.stringContaining('PID namespace') },
    ]);
  });

  it('tells nothing of what is not followed any more', async () => {
    await events.followContainer(container('c1'));
    await events.followSandbox(sandbox('s1', true));
    await events.followContainer(container('c2'));
    expect(events.containers().map(({ id }) => id)).toEqual(['c1', 'c2']);
    events.unfollow('c1');
    events.unfollow('s1');
    expect(events.container('c1')).toBeUndefined();
    for (const id of ['c1', 's1', 'c2']) await exits.write(id, 0);
    expect(await collect(reading, 1)).toMatchObject([{ type: 'exited', containerId: 'c2' }]);
  });

  it('after a restart tells what ended meanwhile, keeps what is not found, and removes the files of what is not known', async () => {
    for (const id of ['found', 'lost', 'unknown', 's1']) await exits.write(id, 5);
    const known = { sandboxes: [sandbox('s1', true)], containers: [container('found'), container('lost'), container('running')] };
    await events.recover(known, {
      sandboxes: ['s1'],
      containers: { found: { state: 'running', startedAt: undefined }, running: { state: 'created' } },
    });
    expect((await toldUntilGone('end')).toSorted()).toEqual(['exited found 5', 'sandboxGone s1']);
    expect((await exits.ids()).toSorted()).toEqual(['found', 'lost', 's1']);
    expect(events.containers().map(({ id }) => id)).toEqual(['found', 'running']);
  });
});

function sandbox(id: string, sharedPid: boolean): SandboxSpec {
  return { id, config: PodSandboxConfig.create(), directory: '/nowhere', namespaces: {}, sharedPid, files: {} };
}

function container(id: string): ContainerSpec {
  return {
    id,
    sandbox: sandbox('s0', false),
    config: ContainerConfig.create(),
    directory: '/nowhere',
    rootfs: undefined,
    process: { args: [], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
    mounts: [],
    logPath: undefined,
    stopSignal: 'SIGTERM',
  };
}
