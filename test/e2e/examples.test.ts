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

describe('berth image commit', () => {
  beforeEach(skipIfMissing(nodeMissing));

  const pod = (name: string, image: string, command: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  restartPolicy: Never
  containers:
    - {name: main, image: '${image}', imagePullPolicy: Never, command: [sh, -c, '${command}'], volumeMounts: [{name: data, mountPath: /data}]}
  volumes: [{name: data, emptyDir: {}}]
`;

  it('makes an image of what an ended container wrote, which pods run', async () => {
    const write = 'echo written > /root/note; rm -r /www; echo kept out > /data/volume; chmod 700 /home';
    const writer = home.write('writer.yaml', pod('writer', 'localhost/busybox:1', write));
    expect(await home.berth('run', '--once', '--keep', '--image', exampleImage, '-f', writer)).toMatchObject({ status: 0, stderr: '' });
    const committed = await home.berth('image', 'commit', 'writer/main', 'localhost/note:1', '-m', 'a note', '-c', 'ENV FROM=commit');
    expect(committed).toEqual({ status: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/), stderr: '' });
    expect((await home.berth('image', 'commit', 'nobody/main', 'x')).stderr).toContain('there is no such container on this node');

    const read = 'cat /root/note; echo $FROM; ls -ld /home; ls /www /data; ls -A /etc';
    const reader = home.write('reader.yaml', pod('reader', 'localhost/note:1', read));
    const ended = await home.berth('run', '--once', '-f', writer, '-f', reader);
    expect(ended.stdout).toMatch(/main +written\n.*main +commit\n.*main +drwx------ /);
    expect(ended.stdout).toContain('ls: /www: No such file or directory');
    expect(ended.stdout).not.toContain('volume');
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
