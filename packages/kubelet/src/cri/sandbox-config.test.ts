import type { PodSpec } from '@berth/api/objects';
import { NamespaceMode } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { sandboxConfig } from './sandbox-config.ts';

const resolver = { servers: ['10.0.0.53'], searches: ['lan'], options: ['ndots:2'] };

function configOf(spec: Partial<PodSpec>) {
  return sandboxConfig(makePod(spec), 1, {
    kubeletRoot: '/root',
    logDirectory: '/logs/default_pod_uid',
    cgroupParent: '/berth/poduid',
    userNamespace: undefined,
    hostname: 'pod',
    resolver,
  });
}

describe('the CRI message for a sandbox', () => {
  it('names the pod, its log directory and its cgroup', () => {
    expect(configOf({})).toMatchObject({
      metadata: { name: 'pod', namespace: 'default', uid: 'uid', attempt: 1 },
      hostname: 'pod',
      dnsConfig: resolver,
      logDirectory: '/logs/default_pod_uid',
      labels: { 'io.kubernetes.pod.uid': 'uid' },
      annotations: { 'berth.dev/kubelet-root': '/root' },
      linux: {
        cgroupParent: '/berth/poduid',
        securityContext: { namespaceOptions: { network: NamespaceMode.POD, pid: NamespaceMode.CONTAINER } },
      },
    });
  });

  it('shares the namespaces of the host and of the pod that it is told to', () => {
    const options = (spec: Partial<PodSpec>) => configOf(spec).linux?.securityContext?.namespaceOptions;
    expect(options({ hostNetwork: true, hostIPC: true })).toMatchObject({ network: NamespaceMode.NODE, ipc: NamespaceMode.NODE });
    expect(options({ shareProcessNamespace: true })).toMatchObject({ pid: NamespaceMode.POD });
  });

  it('tells what the pod takes besides its containers', () => {
    expect(configOf({}).linux?.overhead).toBeUndefined();
    const overhead = { cpu: '250m', memory: '64Mi' };
    expect(configOf({ overhead }).linux?.overhead).toMatchObject({ cpuShares: 256n, cpuQuota: 25_000n, memoryLimitInBytes: 67_108_864n });
  });

  it('names sysctls with dots, and has the user namespace of the pod', () => {
    const { linux } = configOf({ securityContext: { sysctls: [{ name: 'net/ipv4/conf/eth0.1/forwarding', value: '1' }] } });
    expect(linux?.sysctls).toEqual({ 'net.ipv4.conf.eth0/1.forwarding': '1' });
    expect(linux?.securityContext?.namespaceOptions?.usernsOptions).toBeUndefined();
  });

  it('is privileged as soon as one of its containers is, an init container too', () => {
    const initContainers = [{ name: 'i', image: 'a', securityContext: { privileged: true } }];
    expect(configOf({ initContainers }).linux?.securityContext?.privileged).toBe(true);
  });
});
