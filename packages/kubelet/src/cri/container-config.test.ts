import type { Container } from '@berth/api/objects';
import { Mount, NamespaceMode, SecurityProfile_ProfileType as ProfileType } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { containerHost } from '../../testing/container-host.ts';
import { makePod } from '../../testing/observed-pod.ts';
import { containerConfig } from './container-config.ts';

const gibibyte = 1024n ** 3n;

const mappings = [{ hostId: 65_536, containerId: 0, length: 65_536 }];
const userNamespace = { mode: NamespaceMode.POD, uids: mappings, gids: mappings };

function configOf(container: Partial<Container>, spec: Parameters<typeof makePod>[0] = {}, variables = new Map<string, string>()) {
  const pod = makePod({ ...spec, containers: [{ name: 'main', image: 'a:1', ...container }] });
  const [defaulted] = pod.spec?.containers ?? [];
  if (!defaulted) throw new Error('the pod has no container');
  return containerConfig(pod, defaulted, {
    attempt: 2,
    imageRef: 'sha256:1',
    variables,
    mounts: [{ ...Mount.create(), hostPath: '/host/etc-hosts', containerPath: '/etc/hosts' }],
    seccompRoot: '/kubelet/seccomp',
    seccompDefault: true,
    userNamespace: pod.spec?.hostUsers === false ? userNamespace : undefined,
    containerResourcesOptions: { ...containerHost, memory: 4n * gibibyte },
    devices: { annotations: new Map(), devices: [], cdiDevices: [] },
  });
}

describe('the CRI message for a container', () => {
  it("carries kubelet's labels, annotations, image and log path", () => {
    expect(configOf({})).toMatchObject({
      metadata: { name: 'main', attempt: 2 },
      image: { image: 'sha256:1', userSpecifiedImage: 'a:1' },
      logPath: 'main/2.log',
      mounts: [{ hostPath: '/host/etc-hosts', containerPath: '/etc/hosts' }],
      labels: {
        'io.kubernetes.container.name': 'main',
        'io.kubernetes.pod.name': 'pod',
        'io.kubernetes.pod.namespace': 'default',
        'io.kubernetes.pod.uid': 'uid',
      },
      annotations: { 'io.kubernetes.container.restartCount': '2', 'io.kubernetes.pod.terminationGracePeriod': '30' },
    });
  });

  it('expands variables in command and args', () => {
    const config = configOf({ command: ['run', '$(WHO)'], args: ['$$(WHO)', '$(NOBODY)'] }, {}, new Map([['WHO', 'you']]));
    expect([config.command, config.args]).toEqual([
      ['run', 'you'],
      ['$(WHO)', '$(NOBODY)'],
    ]);
    expect(config.envs.map(({ key, value }) => `${key}=${value}`)).toEqual(['WHO=you']);
  });

  it.each<[what: string, resources: Container['resources'], expected: object]>([
    ['nothing', {}, { cpuShares: 2n, cpuQuota: 0n, memoryLimitInBytes: 0n, oomScoreAdj: 1000n }],
    [
      'requests',
      { requests: { cpu: '250m', memory: '1Gi' } },
      { cpuShares: 256n, cpuQuota: 0n, memoryLimitInBytes: 0n, oomScoreAdj: 750n },
    ],
    [
      'limits',
      { limits: { cpu: '1500m', memory: '64Mi' } },
      { cpuShares: 1536n, cpuQuota: 150_000n, memoryLimitInBytes: 67_108_864n, oomScoreAdj: -997n },
    ],
    ['a very small limit', { limits: { cpu: '1m' } }, { cpuShares: 2n, cpuQuota: 1000n, cpuPeriod: 100_000n }],
  ])('turns %s into cgroup values', (_what, resources, expected) => {
    expect(configOf({ resources }).linux?.resources).toMatchObject(expected);
  });

  it("maps the security context, the container's before the pod's", () => {
    const config = configOf(
      { securityContext: { runAsUser: 7, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } } },
      { hostPID: true, securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4] } },
    );
    expect(config.linux?.securityContext).toMatchObject({
      runAsUser: { value: 7n },
      runAsGroup: { value: 2n },
      supplementalGroups: [4n, 3n],
      noNewPrivs: true,
      readonlyRootfs: true,
      capabilities: { dropCapabilities: ['ALL'] },
      seccomp: { profileType: ProfileType.RuntimeDefault },
      namespaceOptions: { pid: NamespaceMode.NODE, network: NamespaceMode.POD },
    });
    expect(config.linux?.securityContext?.maskedPaths).toContain('/proc/kcore');
  });

  it("finds a localhost profile of seccomp below kubelet's directory, and leaves one of AppArmor as named", () => {
    const seccompProfile = { type: 'Localhost', localhostProfile: 'profiles/mine.json' } as const;
    const appArmorProfile = { type: 'Localhost', localhostProfile: 'mine' } as const;
    const profiles = { seccompProfile, appArmorProfile };
    for (const config of [configOf({ securityContext: profiles }), configOf({}, { securityContext: profiles })]) {
      expect(config.linux?.securityContext).toMatchObject({
        seccomp: { profileType: ProfileType.Localhost, localhostRef: '/kubelet/seccomp/profiles/mine.json' },
        apparmor: { profileType: ProfileType.Localhost, localhostRef: 'mine' },
      });
    }
  });

  it('leaves a privileged container unconfined', () => {
    const context = configOf({ securityContext: { privileged: true } }).linux?.securityContext;
    expect(context).toMatchObject({
      privileged: true,
      maskedPaths: [],
      readonlyPaths: [],
      seccomp: { profileType: ProfileType.Unconfined },
    });
  });

  it('is in the user namespace of its pod, where it may have an unmasked /proc', () => {
    const { linux, mounts } = configOf(
      { securityContext: { procMount: 'Unmasked' }, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
      { hostUsers: false },
    );
    expect(linux?.securityContext).toMatchObject({
      namespaceOptions: { usernsOptions: userNamespace },
      maskedPaths: [],
      readonlyPaths: [],
    });
    for (const mount of mounts) expect(mount).toMatchObject({ uidMappings: mappings, gidMappings: mappings });
    expect(mounts).toHaveLength(1);
  });
});
