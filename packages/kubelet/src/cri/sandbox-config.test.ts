import type { PodSpec } from '@berth/api/objects';
import { type DNSConfig, NamespaceMode } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { parseResolvConf } from './dns-config.ts';
import { sandboxConfig } from './sandbox-config.ts';

const hostDns = parseResolvConf('# made by hand\nnameserver 10.0.0.53\nsearch lan example.org\noptions ndots:2 rotate\n');

function configOf(spec: Partial<PodSpec>) {
  return sandboxConfig(makePod(spec), 1, {
    kubeletRoot: '/root',
    seccompRoot: '/root/seccomp',
    logDirectory: '/logs/default_pod_uid',
    cgroupParent: '/berth/poduid',
    hostDns,
  });
}

describe('the CRI message for a sandbox', () => {
  it('names the pod, its log directory and its cgroup', () => {
    expect(configOf({})).toMatchObject({
      metadata: { name: 'pod', namespace: 'default', uid: 'uid', attempt: 1 },
      hostname: 'pod',
      logDirectory: '/logs/default_pod_uid',
      labels: { 'io.kubernetes.pod.uid': 'uid' },
      annotations: { 'berth.dev/kubelet-root': '/root' },
      linux: {
        cgroupParent: '/berth/poduid',
        securityContext: { namespaceOptions: { network: NamespaceMode.POD, pid: NamespaceMode.CONTAINER } },
      },
    });
  });

  it.each<[policy: string, spec: Partial<PodSpec>, expected: DNSConfig]>([
    ['Default', { dnsPolicy: 'Default' }, hostDns],
    ['ClusterFirst without a cluster', {}, hostDns],
    ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'] } }, { servers: ['1.1.1.1'], searches: [], options: [] }],
    [
      'Default with additions',
      { dnsPolicy: 'Default', dnsConfig: { searches: ['lan', 'more'], options: [{ name: 'ndots', value: '5' }] } },
      { servers: ['10.0.0.53'], searches: ['lan', 'example.org', 'more'], options: ['rotate', 'ndots:5'] },
    ],
  ])('has the DNS of the policy %s', (_policy, spec, expected) => {
    expect(configOf(spec).dnsConfig).toEqual(expected);
  });

  it('shares the namespaces of the host and of the pod that it is told to', () => {
    const options = (spec: Partial<PodSpec>) => configOf(spec).linux?.securityContext?.namespaceOptions;
    expect(options({ hostNetwork: true, hostIPC: true })).toMatchObject({ network: NamespaceMode.NODE, ipc: NamespaceMode.NODE });
    expect(options({ shareProcessNamespace: true })).toMatchObject({ pid: NamespaceMode.POD });
    expect(configOf({ hostNetwork: true }).hostname).toBe('');
  });

  it('cuts a host name to what Linux takes', () => {
    expect(configOf({ hostname: `${'a'.repeat(62)}.b` }).hostname).toBe('a'.repeat(62));
  });
});
