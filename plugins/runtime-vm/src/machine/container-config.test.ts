import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import type { ContainerSpec } from '@berth/shim/runtime';
import { describe, expect, it } from 'vitest';
import { guestContainerConfig, guestPauseConfig } from './container-config.ts';

const container: ContainerSpec = {
  id: 'c'.repeat(64),
  sandbox: {
    id: 's'.repeat(64),
    config: PodSandboxConfig.fromPartial({ linux: { cgroupParent: '/host/pod', sysctls: { 'net.core.somaxconn': '1' } } }),
    directory: '/d',
    namespaces: { network: '/run/netns' },
    sharedPid: true,
    files: {},
  },
  config: ContainerConfig.fromPartial({ metadata: { name: 'main' } }),
  directory: '/d',
  rootfs: { lowers: [], upper: '/u', work: '/w', mounted: '/host/rootfs' },
  process: { args: ['true'], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
  mounts: [{ source: '/host/data', destination: '/data', readonly: true, propagation: 'private' }],
  logPath: undefined,
  stopSignal: 'SIGTERM',
};

describe('guestContainerConfig', () => {
  const made = guestContainerConfig(container, { rootfs: '/share/containers/c', volumes: new Map([['/host/data', '/share/volumes/v']]) });

  it('names everything as the guest sees it', async () => {
    const { root, mounts } = await made;
    expect(root.path).toBe('/share/containers/c');
    expect(mounts.find(({ destination }) => destination === '/data')).toMatchObject({ source: '/share/volumes/v' });
    expect(JSON.stringify(await made)).not.toContain('/host/');
  });

  it("leaves network, IPC and UTS to the machine, and joins the pod's PID namespace inside it", async () => {
    const { linux } = await made;
    expect(linux.namespaces.map(({ type }) => type)).toEqual(['mount', 'pid', 'cgroup']);
    expect(linux.namespaces[1]?.path).toBe(`/run/berth/containers/${container.sandbox.id}/process/ns/pid`);
    expect(linux.sysctl).toEqual({});
  });

  it('joins the PID namespace of another container where it is asked to', async () => {
    const { linux } = await guestContainerConfig({ ...container, pidTarget: 'other' }, { rootfs: '/share/c', volumes: new Map() });
    expect(linux.namespaces[1]?.path).toBe('/run/berth/containers/other/process/ns/pid');
  });

  it('puts containers and the holder of PIDs below the cgroup whose memory the guest limits', async () => {
    const withoutLinux = { ...container.sandbox, config: PodSandboxConfig.fromPartial({}) };
    expect((await made).linux.cgroupsPath).toBe(`/containers/${container.id}`);
    expect(guestPauseConfig(withoutLinux).linux.cgroupsPath).toBe(`/containers/${container.sandbox.id}`);
  });

  it("never gives a container the agent's score, which the OOM killer spares", async () => {
    expect((await made).process.oomScoreAdj).toBe(1);
  });
});

describe('guestPauseConfig', () => {
  it("is in the machine's own namespaces but for a new PID namespace", () => {
    expect(guestPauseConfig(container.sandbox).linux.namespaces).toEqual([{ type: 'pid' }, { type: 'mount' }]);
  });
});
