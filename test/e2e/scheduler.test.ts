import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, type Ended } from '../fixtures/berth.ts';
import { repository } from '../fixtures/tools.ts';

const example = (name: string) => join(repository, 'examples/scheduler', name);
const cluster = ['--nodes', example('nodes.yaml'), '--pods', example('pods.yaml')];

interface Placement {
  pod: string;
  outcome: string;
  nodeName?: string;
  message: string;
}

let home: BerthHome;
let undo: (() => unknown)[];

beforeEach(() => {
  home = new BerthHome();
  undo = [() => home.remove()];
});

afterEach(async () => {
  for (const step of undo.toReversed()) await step();
});

const schedule = (...args: string[]): Promise<Ended> => home.berth('schedule', ...args);
const placementsIn = ({ stdout }: Ended): Placement[] => JSON.parse(stdout);
const nodesOf = (ended: Ended) => Object.fromEntries(placementsIn(ended).map(({ pod, nodeName }) => [pod, nodeName]));

/** The example's configuration, with sockets of this test alone. */
function configuration(name: string, timeoutSeconds = 5): string {
  const text = readFileSync(example(name), 'utf8');
  return home.write(name, text.replace(/endpoint: .*/, `endpoint: ${endpoint()}\n          timeoutSeconds: ${timeoutSeconds}`));
}

function endpoint(): string {
  return `unix://${home.directory}/label-spread.sock`;
}

/** LabelSpread in a process of its own, listening. */
async function startPlugin(): Promise<ChildProcessByStdio<null, Readable, null>> {
  const main = join(repository, 'plugins/scheduler-label-spread/src/main.ts');
  const child = spawn(process.execPath, ['--conditions=berth-source', main, '--listen', endpoint()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  undo.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  expect(line).toBe(`LabelSpread listens on ${endpoint()}`);
  return child;
}

describe('two nodes', () => {
  /** A node that runs what is in its directory. */
  async function startNode(name: string, ...options: string[]): Promise<{ manifests: string; pods(): Promise<string[]> }> {
    const own = new BerthHome();
    undo.push(() => own.remove());
    const manifests = join(own.directory, name);
    mkdirSync(manifests);
    const node = own.start(['run', '--runtime', 'fake', ...options, '-f', manifests]);
    undo.push(() => node.interrupt());
    await node.says(/the node goes on/);
    const pods = async () => {
      const listed = JSON.parse((await own.berth('ps', '-o', 'json')).stdout) as Pod[];
      return listed.filter(({ status }) => status?.phase === 'Running').map(({ metadata }) => metadata?.name ?? '');
    };
    return { manifests, pods };
  }

  it('get their pods from the scheduler, each once', async () => {
    const [first, second] = [await startNode('node-1', '--node-labels', 'disk=ssd'), await startNode('node-2')];
    const bind = ['--bind', `node-1=${first.manifests}`, `node-2=${second.manifests}`];
    const placed = await schedule(...cluster, '--config', example('in-process.yaml'), ...bind, '-o', 'json');
    expect(placed).toMatchObject({ status: 0, stderr: '' });
    await expect.poll(first.pods, { timeout: 20_000 }).toEqual(['db', 'web-2']);
    await expect.poll(second.pods, { timeout: 20_000 }).toEqual(['web-1', 'web-3']);
    const again = await schedule(...cluster, ...bind, '-o', 'json');
    expect(nodesOf(again)).toEqual(nodesOf(placed));
    expect(placementsIn(again).every(({ outcome }) => outcome === 'Running')).toBe(true);
    expect([...readdirSync(first.manifests), ...readdirSync(second.manifests)]).toHaveLength(4);
    const more = await schedule('--nodes', example('nodes.yaml'), '--pods', example('too-big.yaml'), ...bind, '-o', 'json');
    expect(more.status).toBe(1);
    expect(placementsIn(more)[0]?.message).toBe(
      "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector.",
    );
  });
});

describe('LabelSpread', () => {
  it('places pods alike in process and over gRPC, and otherwise than without it', async () => {
    await startPlugin();
    const inProcess = await schedule(...cluster, '--config', example('in-process.yaml'), '-o', 'json');
    const overGrpc = await schedule(...cluster, '--config', configuration('over-grpc.yaml'), '-o', 'json');
    expect(inProcess).toMatchObject({ status: 0, stderr: '' });
    expect(overGrpc).toEqual(inProcess);
    expect(nodesOf(inProcess)).toMatchObject({ 'default/web-1': 'node-2', 'default/web-2': 'node-1', 'default/web-3': 'node-2' });
    const without = await schedule(...cluster, '-o', 'json');
    expect(nodesOf(without)).toMatchObject({ 'default/web-1': 'node-2', 'default/web-2': 'node-2', 'default/web-3': 'node-2' });
  });

  it('is named by the verdicts when it hangs and when it is killed, and goes on when it is back', async () => {
    const plugin = await startPlugin();
    const config = configuration('over-grpc.yaml', 1);
    plugin.kill('SIGSTOP');
    const hung = await schedule(...cluster, '--config', config, '-o', 'json');
    plugin.kill('SIGKILL');
    await once(plugin, 'exit');
    const killed = await schedule(...cluster, '--config', config, '-o', 'json');
    for (const [ended, cause] of [
      [hung, /1000 ms|deadline/i],
      [killed, /label-spread\.sock/],
    ] as const) {
      expect(ended.status).toBe(1);
      for (const { outcome, message } of placementsIn(ended)) {
        expect(outcome).toBe('Failed');
        expect(message).toMatch(/^plugin LabelSpread failed at preFilter: /);
        expect(message).toMatch(cause);
      }
    }
    await startPlugin();
    expect((await schedule(...cluster, '--config', config)).status).toBe(0);
  });
});

describe('bad input', () => {
  it('is one error with file, line and field, before anything is placed', async () => {
    const pods = home.write('pods.yaml', readFileSync(example('pods.yaml'), 'utf8').replace('cpu: 250m', 'cpu: lots'));
    const directory = join(home.directory, 'node-2');
    mkdirSync(directory);
    const ended = await schedule('--nodes', example('nodes.yaml'), '--pods', pods, '--bind', `node-2=${directory}`);
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^berth: .*pods\.yaml:\d+: spec\.containers\[0\]\.resources\.requests\[cpu\]: .*"lots"/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('tells of a node without a directory, and binds the others', async () => {
    const directory = join(home.directory, 'node-2');
    mkdirSync(directory);
    const ended = await schedule(...cluster, '--bind', `node-2=${directory}`, '-o', 'json');
    expect(ended.status).toBe(1);
    expect(readdirSync(directory).length).toBe(3);
    expect(placementsIn(ended).find(({ pod }) => pod === 'default/db')?.message).toBe(
      'plugin DefaultBinder failed at bind: node node-1: it has no manifest directory; give --bind node-1=DIR',
    );
  });
});
