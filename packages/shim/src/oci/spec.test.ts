import { ContainerConfig, NamespaceMode, PodSandboxConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import type { ContainerSpec, SandboxSpec } from '../runtime.ts';
import { capabilitiesOfMask } from './capabilities.ts';
import type { OciConfig } from './config-json.ts';
import { maskedPaths, readonlyPaths } from './config-mounts.ts';
import type { HostFacts } from './host-facts.ts';
import { containerConfig, withheld } from './spec.ts';

type SecurityContext = NonNullable<NonNullable<Parameters<typeof ContainerConfig.fromPartial>[0]>['linux']>['securityContext'];
type Resources = NonNullable<NonNullable<Parameters<typeof ContainerConfig.fromPartial>[0]>['linux']>['resources'];

const facts: HostFacts = {
  seccompArchitectures: ['SCMP_ARCH_X86_64'],
  bounding: capabilitiesOfMask('1ffffffffff'),
  oomScoreAdj: 0,
  lowersOomScore: true,
  unifiedCgroups: false,
  hugetlb: false,
  swapAccounting: true,
  appArmor: false,
  selinux: false,
  cgroupDriver: 'cgroupfs',
};

describe('capabilities', () => {
  const granted = (capabilities: NonNullable<SecurityContext>['capabilities'], host = facts): string[] =>
    config({ securityContext: { capabilities } }, { facts: host }).process.capabilities.bounding;

  it.each([
    ['adds one to the defaults', { addCapabilities: ['NET_ADMIN'] }, 15],
    ['takes names with their prefix, in any case', { addCapabilities: ['cap_net_admin'] }, 15],
    ['drops one of the defaults', { dropCapabilities: ['CHOWN'] }, 13],
    ['drops all', { dropCapabilities: ['ALL'] }, 0],
    ['drops all but what is added', { dropCapabilities: ['ALL'], addCapabilities: ['CHOWN'] }, 1],
    ['adds all but what is dropped', { addCapabilities: ['ALL'], dropCapabilities: ['SYS_ADMIN'] }, 40],
  ])('%s', (_, capabilities, count) => expect(granted(capabilities)).toHaveLength(count));

  it('are no more than the bounding set, and what is withheld is told', () => {
    const host = { ...facts, bounding: facts.bounding.filter((name) => name !== 'CAP_SYS_RESOURCE') };
    const capabilities = { addCapabilities: ['SYS_RESOURCE'] };
    expect(granted(capabilities, host)).not.toContain('CAP_SYS_RESOURCE');
    expect(withheld(container({ securityContext: { capabilities } }), host)).toEqual([
      expect.stringMatching(/^CAP_SYS_RESOURCE is not in the bounding set/),
    ]);
  });

  it('are refused by name when there is no such one', () => {
    expect(() => granted({ addCapabilities: ['NET_AMDIN'] })).toThrow(/container web .*"NET_AMDIN" is no capability/);
  });

  it('are inherited by programs only when asked for as ambient', () => {
    const { process } = config({ securityContext: { capabilities: { addAmbientCapabilities: ['NET_ADMIN'] } } });
    expect(process.capabilities).toMatchObject({ ambient: ['CAP_NET_ADMIN'], inheritable: ['CAP_NET_ADMIN'] });
    expect(config().process.capabilities).toMatchObject({ ambient: [], inheritable: [] });
    const all = config({ securityContext: { capabilities: { addAmbientCapabilities: ['ALL'], dropCapabilities: ['CHOWN'] } } });
    expect(all.process.capabilities.ambient).toEqual(facts.bounding.filter((name) => name !== 'CAP_CHOWN'));
  });
});

describe('namespaces', () => {
  const types = (result: OciConfig): string[] => result.linux.namespaces.map(({ type, path }) => (path ? `${type} ${path}` : type));

  it("are the sandbox's for network, IPC and UTS, and the container's own for the rest", () => {
    const sandbox = { namespaces: { network: '/n', ipc: '/i', uts: '/u' } };
    expect(types(config({}, { sandbox }))).toEqual(['mount', 'network /n', 'ipc /i', 'uts /u', 'pid']);
  });

  it('leave out what the sandbox shares with the host, and the PID namespace in mode NODE', () => {
    expect(types(config({ securityContext: { namespaceOptions: { pid: NamespaceMode.NODE } } }))).toEqual(['mount']);
  });

  it('include the shared PID namespace in mode POD only', () => {
    const pid = (mode: NamespaceMode): string[] =>
      types(config({ securityContext: { namespaceOptions: { pid: mode } } }, { sharedPid: '/proc/7/ns/pid' }));
    expect(pid(NamespaceMode.POD)).toEqual(['mount', 'pid /proc/7/ns/pid']);
    expect(pid(NamespaceMode.CONTAINER)).toEqual(['mount', 'pid']);
  });

  it("have no PID namespace in mode POD where the pod uses the host's", () => {
    const options = { securityContext: { namespaceOptions: { pid: NamespaceMode.NODE } } };
    const sandbox = { config: PodSandboxConfig.fromPartial({ linux: options }) };
    expect(types(config({}, { sandbox }))).toEqual(['mount']);
    expect(types(config({ securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } }, { sandbox }))).toEqual([
      'mount',
      'pid',
    ]);
  });

  it('include a cgroup namespace where there is only cgroup v2', () => {
    expect(types(config({}, { facts: { ...facts, unifiedCgroups: true } }))).toContain('cgroup');
  });
});

describe('resources', () => {
  const resources = (request: Resources, host = facts): object => config({ resources: request }, { facts: host }).linux.resources;

  it('leave out what the request leaves at its default', () => {
    expect(resources({})).toEqual({ devices: [{ allow: false, access: 'rwm' }] });
  });

  it('carry limits of CPU and memory', () => {
    const request = {
      cpuShares: 512n,
      cpuQuota: 50_000n,
      cpuPeriod: 100_000n,
      cpusetCpus: '0-1',
      memoryLimitInBytes: 1n << 30n,
      memorySwapLimitInBytes: 1n << 30n,
    };
    expect(resources(request)).toMatchObject({
      cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: '0-1' },
      memory: { limit: 2 ** 30, swap: 2 ** 30 },
    });
    expect(resources({ memoryLimitInBytes: 1n << 30n })).toMatchObject({ memory: { limit: 2 ** 30, swap: 2 ** 30 } });
    expect(resources({ cpuShares: 1n })).toMatchObject({ cpu: { shares: 2 } });
    expect(resources(request, { ...facts, swapAccounting: false })).toMatchObject({ memory: { limit: 2 ** 30 } });
  });

  it('take hugepage limits of 0 on a host that has no controller for them, and refuse others', () => {
    expect(resources({ hugepageLimits: [{ pageSize: '2MB', limit: 0n }] })).not.toHaveProperty('hugepageLimits');
    expect(() => resources({ hugepageLimits: [{ pageSize: '2MB', limit: 1n }] })).toThrow(/hugepage_limits.*no hugetlb/);
    expect(resources({ hugepageLimits: [{ pageSize: '2MB', limit: 0n }] }, { ...facts, hugetlb: true })).toMatchObject({
      hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
    });
  });

  it('refuse unified fields on cgroup v1, but for block I/O, which it words otherwise', () => {
    expect(() => resources({ unified: { 'memory.high': '1' } })).toThrow(/linux\.resources\.unified.*cgroup v1/);
    const unified = { 'io.max': '8:0 rbps=1048576' };
    expect(resources({ unified })).toMatchObject({ blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1048576 }] } });
    expect(resources({ unified })).not.toHaveProperty('unified');
    const onV2 = resources({ unified }, { ...facts, unifiedCgroups: true });
    expect(onV2).toMatchObject({ unified });
    expect(onV2).not.toHaveProperty('blockIO');
  });

  it('give an oom_score_adj that the host allows', () => {
    const host = { ...facts, lowersOomScore: false, oomScoreAdj: 10 };
    expect(config({ resources: { oomScoreAdj: -997n } }, { facts: host }).process.oomScoreAdj).toBe(10);
    expect(config({ resources: { oomScoreAdj: 1000n } }, { facts: host }).process.oomScoreAdj).toBe(1000);
    expect(config({ resources: { oomScoreAdj: -997n } }).process.oomScoreAdj).toBe(-997);
    expect(withheld(container({ resources: { oomScoreAdj: -997n } }), host)).toEqual([
      expect.stringMatching(/^oom_score_adj can't go below 10/),
    ]);
  });
});

describe('mounts and paths', () => {
  it('are hidden and read-only by default, as asked, or not at all when privileged', () => {
    expect(config().linux).toMatchObject({ maskedPaths, readonlyPaths });
    expect(config({ securityContext: { maskedPaths: ['/proc/kcore'] } }).linux.maskedPaths).toEqual(['/proc/kcore']);
    expect(config({ securityContext: { privileged: true } }).linux).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
  });

  it('are none in a user namespace where the request has empty lists', () => {
    const sandbox = { idMappings: { uids: [], gids: [] } };
    expect(config({ securityContext: {} }, { sandbox }).linux).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
    expect(config({}, { sandbox }).linux).toMatchObject({ maskedPaths, readonlyPaths });
  });

  it('of a request come last, and replace a default one at the same place', () => {
    const mounts = config({}, { mounts: [{ source: '/host', destination: '/dev/shm', readonly: true, propagation: 'rslave' }] }).mounts;
    expect(mounts.filter(({ destination }) => destination === '/dev/shm')).toEqual([
      { destination: '/dev/shm', type: 'bind', source: '/host', options: ['rbind', 'rslave', 'ro'] },
    ]);
  });

  it('that propagate make the root propagate', () => {
    const propagation = (mode: 'private' | 'rslave' | 'rshared'): string | undefined =>
      config({}, { mounts: [{ source: '/a', destination: '/a', readonly: false, propagation: mode }] }).linux.rootfsPropagation;
    expect([propagation('private'), propagation('rslave'), propagation('rshared')]).toEqual([undefined, 'rslave', 'rshared']);
  });
});

describe('SELinux labels', () => {
  const host = { ...facts, selinux: true };
  const label = (securityContext: SecurityContext, level = ''): string | undefined =>
    config(
      { securityContext },
      {
        facts: host,
        sandbox: { config: PodSandboxConfig.fromPartial({ linux: { securityContext: { selinuxOptions: { level } } } }) },
      },
    ).process.selinuxLabel;

  it("are the container's, else the pod's, and none where nobody asks", () => {
    expect(label({ selinuxOptions: { level: 's0:c1' } }, 's0:c2')).toBe('system_u:system_r:container_t:s0:c1');
    expect(label({ selinuxOptions: { level: '' } }, 's0:c2')).toBe('system_u:system_r:container_t:s0:c2');
    expect(label({ privileged: true }, 's0:c2')).toBeUndefined();
    expect(label({})).toBeUndefined();
  });
});

interface Variation {
  facts?: HostFacts;
  sandbox?: Partial<SandboxSpec>;
  sharedPid?: string;
  mounts?: ContainerSpec['mounts'];
}

function container(
  linux: { securityContext?: SecurityContext; resources?: Resources },
  { sandbox, mounts = [] }: Variation = {},
): ContainerSpec {
  return {
    id: 'c1',
    sandbox: {
      id: 's1',
      config: PodSandboxConfig.fromPartial({}),
      directory: '/s',
      namespaces: {},
      sharedPid: false,
      files: {},
      ...sandbox,
    },
    config: ContainerConfig.fromPartial({ metadata: { name: 'web' }, linux }),
    directory: '/c',
    rootfs: { lowers: [], upper: '', work: '', mounted: '/root' },
    process: { args: ['true'], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
    mounts,
    logPath: undefined,
    stopSignal: 'SIGTERM',
  };
}

function config(linux: Parameters<typeof container>[0] = {}, variation: Variation = {}): OciConfig {
  const { facts: host = facts, sharedPid } = variation;
  return containerConfig({
    container: container(linux, variation),
    facts: host,
    devices: [],
    seccomp: undefined,
    apparmorProfile: undefined,
    sharedMemory: undefined,
    pidNamespace: sharedPid,
  });
}
