import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { machinesMissing, nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';

const examples = ['sidecar', 'init', 'counter'].map((name) => join(repository, `examples/${name}.yaml`));

let home: BerthHome;
let before: HostState;

beforeEach(() => {
  before = readHostState();
  home = new BerthHome();
});

afterEach(() => home.remove());

describe('the examples on runc', () => {
  beforeEach(skipIfMissing(nodeMissing));

  it('do what they say, and leave the host as it was', async () => {
    const ended = await home.berth('run', '--once', '--image', exampleImage, ...examples.flatMap((file) => ['-f', file]));
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    expect(ended.stdout).toContain('web: serving /www on port 80');
    expect(ended.stdout).toContain('main: found: application built on');
    expect(ended.stdout).toMatch(/cri runc RunPodSandbox/);
    expect(ended.stdout).toMatch(/cni bridge ADD/);
    expect(ended.stdout).toMatch(/oci runc create/);
    await expectHostState(before);
  });

  it('run in directories whose names hold blanks', async () => {
    const places = ['--root', join(home.directory, 'the root'), '--run', join(home.directory, 'the run')];
    const ended = await home.berth(...places, 'run', '--once', '--image', exampleImage, '-f', join(repository, 'examples/init.yaml'));
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    await expectHostState(before);
  });

  it('are seen from another terminal: ps, logs, exec, trace', async () => {
    const node = home.start(['run', '--image', exampleImage, '-f', join(repository, 'examples/sidecar.yaml')]);
    await node.says(/the node goes on/);
    const listed = JSON.parse((await home.berth('ps', '-o', 'json')).stdout) as {
      metadata: { name: string };
      status: { phase: string; podIP: string };
    }[];
    expect(listed.map((pod) => [pod.metadata.name, pod.status.phase])).toEqual([['sidecar', 'Running']]);
    const page = await fetch(`http://${listed[0]?.status.podIP}/`);
    expect(await page.text()).toContain('<h1>Berth</h1>');
    expect((await home.berth('logs', 'sidecar', '-c', 'content')).stdout).toContain('content: wrote index.html');
    const listing = ['exec', 'sidecar', '-c', 'web', '--', 'sh', '-c', 'ls /www; exit 3'];
    expect(await home.berth(...listing)).toEqual({ status: 3, stdout: 'index.html\n', stderr: '' });
    const records = JSON.parse((await home.berth('trace', 'sidecar', '-o', 'json')).stdout) as { protocol: string; method: string }[];
    expect(new Set(records.map((record) => record.protocol))).toEqual(new Set(['cri', 'cni', 'oci']));
    expect((await node.interrupt()).status).toBe(0);
    await expectHostState(before);
  });
});

describe('the examples in virtual machines', () => {
  beforeEach(skipIfMissing(machinesMissing));

  it('do what they say, and leave the host as it was', async () => {
    const ended = await home.berth(
      'run',
      '--once',
      '--runtime',
      'vm',
      '--image',
      exampleImage,
      ...examples.flatMap((file) => ['-f', file]),
    );
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    expect(ended.stdout).toContain('web: serving /www on port 80');
    expect(ended.stdout).toContain('main: found: application built on');
    expect(ended.stdout).toMatch(/machine vm boot/);
    await expectHostState(before);
  });
});

describe('the examples on fake', () => {
  it('start, finish and stop as their manifests say, without any container', async () => {
    const ended = await home.berth('run', '--once', '--runtime', 'fake', ...examples.flatMap((file) => ['-f', file]));
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
  });
});
