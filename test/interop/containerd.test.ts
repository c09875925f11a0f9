import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { containerdMissing, referenceCniDirectory } from '../fixtures/containerd.ts';
import { type CriServer, startContainerd } from '../fixtures/cri-servers.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';

const examples = ['sidecar', 'init', 'counter'].flatMap((name) => ['-f', join(repository, `examples/${name}.yaml`)]);

describe('the examples on real containerd', () => {
  let containerd: CriServer | undefined;

  beforeEach(skipIfMissing(containerdMissing));

  beforeAll(async () => {
    if (containerdMissing()) return;
    containerd = await startContainerd();
  });

  afterAll(() => containerd?.stop());

  it('run unchanged by another berth.yaml, and leave the host as it was', async () => {
    const before = readHostState();
    const home = new BerthHome({ runtimes: [{ handler: 'containerd', endpoint: containerd?.endpoint }] });
    const ended = await home.berth('run', '--once', ...examples);
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    expect(ended.stdout).toContain('web: serving /www on port 80');
    expect(ended.stdout).toContain('main: found: application built on');
    expect(ended.stdout).toMatch(/cri containerd RunPodSandbox/);
    home.remove();
    await expectHostState(before, withoutContainerd);
  });
});

describe('archives of images', () => {
  beforeEach(skipIfMissing(containerdMissing));

  it('go from our store to containerd and back', async () => {
    const containerd = await startContainerd();
    const home = new BerthHome();
    const other = new BerthHome();
    const ctr = (...args: string[]) =>
      execFileSync('ctr', ['-a', containerd.endpoint.replace('unix://', ''), '-n', 'k8s.io', 'images', ...args], { encoding: 'utf8' });
    try {
      await home.berth('image', 'load', exampleImage);
      for (const format of ['oci', 'docker']) {
        const archive = join(home.directory, `${format}.tar`);
        await home.berth('image', 'tag', 'localhost/busybox:1', `localhost/${format}:1`);
        await home.berth('image', 'tag', 'localhost/busybox:1', `localhost/${format}:2`);
        const saved = await home.berth(
          'image',
          'save',
          `localhost/${format}:1`,
          `localhost/${format}:2`,
          '-o',
          archive,
          '--format',
          format,
        );
        expect(saved).toEqual({ status: 0, stdout: '', stderr: '' });
        ctr('import', archive);
      }
      const own = JSON.parse((await home.berth('image', 'ls', '-o', 'json')).stdout) as { name: string; id: string }[];
      const theirs = JSON.parse(
        (await home.berth('image', 'ls', '--runtime-endpoint', containerd.endpoint, '-o', 'json')).stdout,
      ) as typeof own;
      for (const { name, id } of own) expect(theirs).toContainEqual(expect.objectContaining({ name, id }));

      const exported = join(home.directory, 'exported.tar');
      ctr('export', exported, 'localhost/oci:1', 'localhost/docker:2');
      expect((await other.berth('image', 'load', exported)).stdout).toBe('localhost/oci:1\nlocalhost/docker:2\n');
      const listed = JSON.parse((await other.berth('image', 'ls', '-o', 'json')).stdout) as typeof own;
      expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(own.map(({ id }) => id)));
    } finally {
      await containerd.stop();
      home.remove();
      other.remove();
    }
  });
});

describe('sessions on real containerd', () => {
  beforeEach(skipIfMissing(containerdMissing));

  it('are relayed to its own streaming server', async () => {
    const containerd = await startContainerd();
    const home = new BerthHome({ runtimes: [{ handler: 'containerd', endpoint: containerd.endpoint }] });
    try {
      const node = home.start(['run', '-f', join(repository, 'examples/sidecar.yaml')]);
      await node.says(/the node goes on/);
      const listing = ['exec', '-i', 'sidecar', '-c', 'web', '--', 'sh', '-c', 'read word; ls /www; echo "$word" >&2; exit 3'];
      expect(await home.start(listing, { input: 'hello\n' }).ended).toEqual({ status: 3, stdout: 'index.html\n', stderr: 'hello\n' });
      const forward = home.start(['port-forward', 'sidecar', ':80']);
      await forward.says(/-> 80\n/);
      const [, port] = /127\.0\.0\.1:(\d+)/.exec(forward.output) ?? [];
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('<h1>Berth</h1>');
      await forward.interrupt();
      expect((await node.interrupt()).status).toBe(0);
    } finally {
      await containerd.stop();
      home.remove();
    }
  });
});

/** Enabling forwarding turns accept_redirects off. What containerd's own bridge plugin leaves while containerd runs is containerd's: the reference bridge never deletes its bridge. */
function withoutContainerd(state: HostState): HostState {
  const own = (line: string): boolean => line.startsWith('btc');
  return {
    ...state,
    links: state.links.filter((line) => !own(line)),
    addresses: state.addresses.filter((line) => !own(line)),
    sysctls: state.sysctls.filter((line) => !/forward|accept_redirects/.test(line)),
  };
}

describe("the examples on our shim with Debian's CNI plugins", () => {
  beforeEach(skipIfMissing(() => nodeMissing() ?? (referenceCniDirectory() ? undefined : 'the reference CNI plugins are missing')));

  let before: HostState;

  it('run unchanged by another CNI directory, and leave the host as it was', async () => {
    before = readHostState();
    const home = new BerthHome();
    home.configure({ cni: { bridge: home.name, subnet: '10.98.2.0/24', binDirs: [referenceCniDirectory()] }, cgroupRoot: `/${home.name}` });
    const ended = await home.berth('run', '--once', '--image', exampleImage, ...examples);
    home.remove();
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    expect(ended.stdout).toMatch(/cni bridge ADD/);
    await expectHostState(before);
  });
});
