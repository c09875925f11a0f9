import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';

/** Which sysctls pods may set; the field is KubeletConfiguration's. */
export interface SysctlOptions {
  /** Besides the safe ones: names, or beginnings of names that end in `*`. */
  allowedUnsafeSysctls: string[];
}

/** Those that touch no other pod, and don't let a pod take more than its share (kubelet/sysctl/safe_sysctls.go). */
const safe = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
];

/** The rule SysctlForbidden: a pod sets only safe sysctls and those that the node allows, each of a namespace that is its own. */
export class Sysctls implements AdmitHandler {
  readonly #allowed: readonly string[];

  /** INVALID_ARGUMENT for a name that no namespace of a pod has. */
  constructor({ allowedUnsafeSysctls = [] }: Partial<SysctlOptions> = {}) {
    const unsafe = allowedUnsafeSysctls.map(dotted);
    const stray = unsafe.find((pattern) => !namespaceOf(pattern));
    if (stray !== undefined) {
      throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(stray)}: the sysctl isn't one of a pod's namespaces`, {
        object: 'allowedUnsafeSysctls',
        hint: 'use names that begin with kernel.shm, kernel.msg, kernel.sem, fs.mqueue. or net.',
      });
    }
    this.#allowed = [...safe, ...unsafe];
  }

  admit({ pod }: { pod: Pod }): ReturnType<AdmitHandler['admit']> {
    for (const { name } of specOf(pod).securityContext?.sysctls ?? []) {
      const forbidden = this.#whyForbidden(pod, dotted(name));
      if (forbidden) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} ${forbidden}` };
    }
    return undefined;
  }

  #whyForbidden(pod: Pod, name: string): string | undefined {
    const { hostNetwork, hostIPC } = specOf(pod);
    const namespace = namespaceOf(name);
    if (namespace === 'ipc' && hostIPC) return 'not allowed with host ipc enabled';
    if (namespace === 'net' && hostNetwork) return 'not allowed with host net enabled';
    return this.#allowed.some((pattern) => matches(pattern, name)) ? undefined : 'not allowlisted';
  }
}

/** A sysctl may be written with slashes: `net/ipv4/ip_forward`; then dots are part of a name, as that of a network interface. */
export function dotted(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  return separator === '/' ? name.replace(/[./]/g, (character) => (character === '/' ? '.' : '/')) : name;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function namespaceOf(name: string): 'ipc' | 'net' | undefined {
  if (name === 'kernel.sem' || /^(kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(name)) return 'ipc';
  return name.startsWith('net.') ? 'net' : undefined;
}
