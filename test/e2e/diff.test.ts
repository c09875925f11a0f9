import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { machinesMissing, nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';

interface Compared {
  pod: string;
  facts: { fact: string; values: Record<string, string>; differs: boolean }[];
}

const counter = join(repository, 'examples/counter.yaml');

let home: BerthHome;
let before: HostState;

beforeEach(() => {
  before = readHostState();
  home = new BerthHome();
});

afterEach(() => home.remove());

describe('berth diff', () => {
  beforeEach(skipIfMissing(nodeMissing));

  it('runs one pod on each runtime, tells where they differ, and leaves the host as it was', async () => {
    const ended = await home.berth('diff', '-f', counter, '--handlers', 'runc,fake', '--image', exampleImage, '-o', 'json');
    expect(ended.status, ended.stderr).toBe(0);
    const [{ pod, facts }] = JSON.parse(ended.stdout) as [Compared];
    expect(pod).toBe('default/counter');
    const byName = new Map(facts.map((fact) => [fact.fact, fact]));
    expect(byName.get('status')).toMatchObject({ differs: false, values: { runc: 'Running, Ready', fake: 'Running, Ready' } });
    expect(byName.get('count: kernel')?.values.runc).toMatch(/^Linux /);
    expect(byName.get('address')).toMatchObject({ differs: true, values: { fake: '' } });
    expect(byName.get('RunPodSandbox')?.values.runc).toMatch(/^\d+ ms$/);
    await expectHostState(before);
  });

  it('shows what a machine and a kernel in user space are to a pod', async ({ skip }) => {
    const missing = machinesMissing();
    if (missing !== undefined) skip(missing);
    const ended = await home.berth('diff', '-f', counter, '--handlers', 'runc,vm,sentry', '--image', exampleImage);
    expect(ended.status, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/^pod default\/counter\nFACT +RUNC +VM +SENTRY$/m);
    expect(ended.stdout).toMatch(/^count: kernel +Linux \S+ +Linux \S+-cloud-amd64 +Linux \S+berth-sentry$/m);
    expect(ended.stdout).toMatch(/^RunPodSandbox +\d+ ms +\d+ ms +\d+ ms$/m);
    expect(ended.stdout).toMatch(/^the same on all: .*status/m);
    await expectHostState(before);
  });

  it.each([
    ['runc,nope', /handler nope/],
    ['fake,fake', /fake is listed twice/],
  ])('refuses the handlers %s', async (handlers, why) => {
    const ended = await home.berth('diff', '-f', counter, '--handlers', handlers);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(why);
  });
});
