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
