import { chmodSync, existsSync, mkdirSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { BerthHome, type Ended, exampleImage } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';

const init = join(repository, 'examples/init.yaml');

function homeOf({ onTestFinished }: TestContext): BerthHome {
  const home = new BerthHome();
  onTestFinished(() => home.remove());
  return home;
}

function pod(name: string, spec: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n${spec}`;
}

const completes = pod(
  'good',
  '  restartPolicy: Never\n  containers: [{name: main, image: "localhost/busybox:1", command: [echo, fine]}]\n',
);

describe.concurrent('manifests', () => {
  it('broken YAML names the file and the line', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const file = home.write('broken.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: a\nspec: x\n');
    const ended = await home.berth('run', '--once', '--runtime', 'fake', '-f', file);
    expect(ended.status).toBe(1);
    expect(ended.stderr.match(/broken\.yaml:\d+/g)).toHaveLength(1);
    expect(ended.stderr).not.toContain('{"level"');
    expect(ended.stdout).toBe('');
  });

  it('broken YAML is told at once by a node that goes on', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const file = home.write('broken.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: a\nspec: x\n');
    const running = home.start(['run', '--runtime', 'fake', '-f', file]);
    await running.says(/the node goes on/);
    const ended = await running.interrupt();
    expect(ended.stderr.match(/broken\.yaml:\d+/g)).toHaveLength(1);
    expect([ended.status, ended.stdout]).toEqual([0, expect.not.stringContaining('their logs')]);
  });

  it.for([[['--once']], [[]]])('a path where nothing is, is an error before a node starts (%j)', async ([more = []], context) => {
    const { expect } = context;
    const home = homeOf(context);
    const ended = await home.berth('run', ...more, '--runtime', 'fake', '-f', '/nowhere/a.yaml');
    expect(ended).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('/nowhere/a.yaml: there is no such file') });
  });

  it('a directory without manifests is an error for a command that ends by itself', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const ended = await home.berth('run', '--once', '--runtime', 'fake', '-f', home.directory);
    // The home's own berth.yaml is in it, and is no Pod.
    expect(ended).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('berth.yaml') });
    const empty = join(home.directory, 'empty');
    mkdirSync(empty);
    expect(await home.berth('run', '--once', '--runtime', 'fake', '-f', empty)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining(`${empty}: there are no pods`),
    });
  });

  it('standard input is a manifest too', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const manifest = completes.replace('{name: good}', '{name: good, annotations: {fake.berth.dev/exit-after: 100ms}}');
    const running = home.start(['run', '--once', '--runtime', 'fake', '-f', '-'], { input: manifest });
    expect((await running.ended).stdout).toContain('pod good has the address');
    const broken = await home.start(['run', '--once', '--runtime', 'fake', '-f', '-'], { input: 'kind: Pod\nmetadata: {' }).ended;
    expect(broken).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/^berth: standard input:\d+/) });
  });

  it('an unknown field names its path and what was meant', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const file = home.write('unknown.yaml', pod('a', '  containers: [{name: main, imagee: b}]\n'));
    const ended = await home.berth('run', '--once', '--runtime', 'fake', '-f', file);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/unknown\.yaml:\d+.*spec\.containers\[0\]\.imagee.*image/);
  });

  it('a node agent tells once a change of each manifest that it refuses, or that gives a pod of a name that another one has', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    home.configure({ ...home.place, defaultHandler: 'fake' });
    mkdirSync(join(home.directory, 'manifests'));
    home.write('manifests/a.yaml', completes);
    home.write('manifests/b.yaml', completes);
    home.write('manifests/c.yaml', pod('c', '  containers: [{name: main}]\n'));
    const config = home.write(
      'kubelet.yaml',
      'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nstaticPodPath: manifests\n' +
        'enableServer: false\nhealthzPort: 0\nfailCgroupV1: false\nfailSwapOn: false\n',
    );
    const running = home.start(['kubelet', '--config', config, '--hostname-override', 'here']);
    await running.says(/c\.yaml.*Required value; correct the file/);
    home.write('manifests/d.yaml', 'kind: {');
    await running.says(/d\.yaml:1:\d+: .*; correct the file/);
    home.write('manifests/c.yaml', pod('c', '  containers: [{name: main}] # mended?\n'));
    await running.says(/d\.yaml[\s\S]*c\.yaml.*Required value/);
    const { stderr } = await running.interrupt();
    const lines = stderr.trim().split('\n');
    expect(lines.map((line) => line.replaceAll(`${home.directory}/manifests/`, ''))).toEqual([
      expect.stringMatching(/^problem c\.yaml:5: spec\.containers\[0\]\.image: Required value; correct the file$/),
      'problem b.yaml: pod default/good-here is given in a.yaml too, which counts; give one of them another name',
      expect.stringMatching(/^problem d\.yaml:1:\d+: .*; correct the file$/),
      lines[0]?.replace(`${home.directory}/manifests/`, ''),
    ]);
  });

  it('a missing required field is a field error', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const file = home.write('invalid.yaml', pod('a', '  containers: [{name: main}]\n'));
    const ended = await home.berth('run', '--once', '--runtime', 'fake', '-f', file);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain('spec.containers[0].image: Required value');
  });
});

describe.concurrent('runtimes', () => {
  it('an unknown handler on the command line lists the known ones', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const ended = await home.berth('run', '--once', '--runtime', 'nope', '-f', init);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/handler nope.*runc, .*fake/);
  });

  // Others beside it would take of the time that its node has.
  it('an unknown RuntimeClass is told in the pod status, and the other pods run', { concurrent: false }, async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const bad = home.write(
      'bad.yaml',
      pod('bad', '  runtimeClassName: nope\n  restartPolicy: Never\n  containers: [{name: main, image: a}]\n'),
    );
    const good = home.write(
      'good.yaml',
      completes.replace('{name: good}', '{name: good, annotations: {fake.berth.dev/exit-after: 100ms}}'),
    );
    const ended = await home.berth('run', '--once', '--timeout', '8', '--runtime', 'fake', '-f', bad, '-f', good);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/default\/bad: .*nope/);
    expect(ended.stderr).not.toContain('default/good');
  });

  it('a shim that is not there is named with its endpoint', async (context) => {
    const home = homeOf(context);
    home.configure({ runtimes: [{ handler: 'gone', endpoint: 'unix:///nowhere/cri.sock' }] });
    await saysAndEnds(home, ['-f', init], /\/nowhere\/cri\.sock/);
  });

  it('a shim that ends at its start is named with what it said', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    home.configure({ runtimes: [{ handler: 'broken', command: ['sh', '-c', 'echo "no such device" >&2; exit 3'] }] });
    const ended = await home.berth('run', '--once', '--timeout', '8', '-f', init);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/runtime broken: .*no such device/);
  });

  it('a host that can not be taken back to what it was is told at the end, and by the exit status', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const running = home.start(['run', '--runtime', 'fake', '-f', join(repository, 'examples/counter.yaml')]);
    await running.says(/the node goes on/);
    const file = join(home.run, 'host-baseline.json');
    rmSync(file);
    mkdirSync(file);
    const ended = await running.interrupt();
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringMatching(/^failed .*EISDIR.*host-baseline\.json$/m) });
    rmdirSync(file);
    // The next node with these directories does what that one couldn't.
    expect((await home.berth('run', '--once', '--runtime', 'fake', '-f', init)).status).toBe(0);
  });

  it.for<[string[], Partial<Ended>]>([
    [[], { status: 0, stderr: '' }],
    [['--once'], { status: 1, stderr: 'failed interrupted before it ended by itself\n' }],
  ])('an interrupt while the pods come up is no failure of theirs (%j)', async ([more, expected], context) => {
    const { expect } = context;
    const home = homeOf(context);
    const running = home.start(['run', ...more, '--runtime', 'fake', '-f', home.write('good.yaml', completes)]);
    await running.says(/good\/main.*running/);
    expect(await running.interrupt()).toMatchObject(expected);
  });

  it('output that nobody reads any more ends a node as an interrupt does', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    const running = home.start(['run', '--runtime', 'fake', '-f', join(repository, 'examples/counter.yaml')]);
    await running.says(/starting a node/);
    running.child.stdout.destroy();
    expect(await running.ended).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(home.run, 'host-baseline.json'))).toBe(false);
  });

  it('an unknown field of berth.yaml names the file and the field', async (context) => {
    const { expect } = context;
    const home = homeOf(context);
    home.configure({ runtime: [] });
    const ended = await home.berth('run', '--once', '-f', init);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/berth\.yaml: .*"runtime"/);
  });
});

describe('on runc', () => {
  let before: HostState;

  beforeEach((context) => {
    skipIfMissing(nodeMissing)(context);
    before = readHostState();
  });

  it('a missing image is told in the pod status', async (context) => {
    const home = homeOf(context);
    const file = home.write('a.yaml', pod('a', '  restartPolicy: Never\n  containers: [{name: main, image: "localhost/nothere:1"}]\n'));
    const ended = await home.berth('run', '--once', '--timeout', '6', '-f', file);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/default\/a: .*main: (ErrImagePull|ImagePullBackOff).*localhost\/nothere:1/);
    await expectHostState(before);
  });

  it('a command that is not in the image is told in the pod status', async (context) => {
    const home = homeOf(context);
    const file = home.write(
      'a.yaml',
      pod('a', '  restartPolicy: Never\n  containers: [{name: main, image: "localhost/busybox:1", command: [/no/such]}]\n'),
    );
    await saysAndEnds(home, ['--image', exampleImage, '-f', file], /\/no\/such/);
    await expectHostState(before);
  });

  it.for<[string, string, RegExp]>([
    ['prints garbage', '#!/bin/sh\necho garbage\n', /bridge.*garbage/],
    ['exits 1', '#!/bin/sh\necho "out of cable" >&2\nexit 1\n', /bridge.*out of cable/],
    [
      'fails with an error object',
      '#!/bin/sh\necho \'{"cniVersion":"1.0.0","code":7,"msg":"mtu too small"}\'\nexit 1\n',
      /bridge.*mtu too small/,
    ],
  ])('a CNI plugin that %s is named in the pod status', async ([, script, message], context) => {
    await runWithBridge(homeOf(context), script, message);
    await expectHostState(before);
  });

  it('a CNI plugin that is missing is named with the directories searched', async (context) => {
    await runWithBridge(homeOf(context), undefined, /bridge.*plugins/);
    await expectHostState(before);
  });

  it('a CNI plugin that never ends is ended, and named', async (context) => {
    await runWithBridge(
      homeOf(context),
      '#!/bin/sh\n[ "$CNI_COMMAND" = DEL ] && exit 0\nexec sleep 1000\n',
      /good\/main.*(RunPodSandbox|bridge)/,
      {
        runtimeRequestTimeout: '3s',
      },
    );
    await expectHostState(before);
  });
});

/** Runs a node until it says `message` of its pods, and interrupts it. */
async function saysAndEnds(home: BerthHome, options: string[], message: RegExp): Promise<void> {
  const running = home.start(['run', ...options]);
  await running.says(message);
  await running.interrupt();
}

/** Runs a good pod, until its failure is told, on a node whose bridge plugin is `script`, or isn't there. */
async function runWithBridge(home: BerthHome, script: string | undefined, message: RegExp, configuration: Record<string, unknown> = {}) {
  const plugins = join(home.directory, 'plugins');
  mkdirSync(plugins);
  for (const name of ['host-local', 'portmap']) symlinkSync(join(repository, '.cache/cni/bin', name), join(plugins, name));
  if (script !== undefined) {
    writeFileSync(join(plugins, 'bridge'), script);
    chmodSync(join(plugins, 'bridge'), 0o755);
  }
  home.configure({
    cni: { bridge: home.name, subnet: '10.99.99.0/24', binDirs: [plugins] },
    cgroupRoot: `/${home.name}`,
    ...configuration,
  });
  await saysAndEnds(home, ['--image', exampleImage, '-f', home.write('good.yaml', completes)], message);
}
