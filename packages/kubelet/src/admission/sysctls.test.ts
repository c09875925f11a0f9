import type { PodSpec } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { Sysctls } from './sysctls.ts';

function refusalOf(name: string, spec: Partial<PodSpec> = {}, allowedUnsafeSysctls: string[] = []): string | undefined {
  const pod = makePod({ ...spec, securityContext: { sysctls: [{ name, value: '1' }] } });
  const refusal = new Sysctls({ allowedUnsafeSysctls }).admit({ pod });
  if (refusal) expect(refusal.reason).toBe('SysctlForbidden');
  return refusal?.message;
}

describe('a pod may set', () => {
  it.each<[what: string, name: string, spec: Partial<PodSpec>, allowed: string[]]>([
    ['a safe sysctl', 'net.ipv4.tcp_syncookies', {}, []],
    ['one written with slashes', 'net/ipv4/ip_local_port_range', {}, []],
    ['one that the node allows', 'net.core.somaxconn', {}, ['net.core.somaxconn']],
    ['one whose beginning the node allows', 'kernel.msgmax', {}, ['kernel.msg*', 'net.*']],
    ["a sysctl of IPC in the host's network", 'kernel.shm_rmid_forced', { hostNetwork: true }, []],
  ])('%s', (_what, name, spec, allowed) => {
    expect(refusalOf(name, spec, allowed)).toBeUndefined();
  });
});

describe('a pod may not set', () => {
  it.each<[what: string, name: string, spec: Partial<PodSpec>, allowed: string[], message: string]>([
    ['an unsafe sysctl', 'net.core.somaxconn', {}, [], 'forbidden sysctl: "net.core.somaxconn" not allowlisted'],
    ['one of no namespace', 'vm.swappiness', {}, [], 'forbidden sysctl: "vm.swappiness" not allowlisted'],
    [
      "one of the host's network",
      'net.ipv4.tcp_syncookies',
      { hostNetwork: true },
      [],
      'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
    ],
    [
      "one of the host's IPC",
      'kernel.msgmax',
      { hostIPC: true },
      ['kernel.msg*'],
      'forbidden sysctl: "kernel.msgmax" not allowed with host ipc enabled',
    ],
  ])('%s', (_what, name, spec, allowed, message) => {
    expect(refusalOf(name, spec, allowed)).toBe(message);
  });
});

it('a node cannot allow what no namespace of a pod has', () => {
  expect(() => new Sysctls({ allowedUnsafeSysctls: ['vm.*'] })).toThrow(
    `allowedUnsafeSysctls: "vm.*": the sysctl isn't one of a pod's namespaces`,
  );
});
