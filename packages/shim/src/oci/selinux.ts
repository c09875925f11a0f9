import type { SELinuxOption } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

/** Labels of a container: of its processes, and of what is mounted for it. */
export interface SelinuxLabels {
  process: string;
  mount: string;
}

/** What policies for containers use where a request names nothing else. */
const defaults = { user: 'system_u', role: 'system_r', type: 'container_t', level: 's0' };

/** A part of a label: no blanks, no separators. Levels have colons, commas and ranges in them. */
const part = /^[\w.-]+$/;
const level = /^s\d+(-s\d+)?(:c\d+([.,]c\d+)*)?$/;

/** The labels that options ask for; undefined for none. INVALID_ARGUMENT on a host without SELinux, and for what is no label. */
export function selinuxLabels(options: SELinuxOption | undefined, enabled: boolean, object: string): SelinuxLabels | undefined {
  const asked = Object.entries(options ?? {}).filter(([, value]) => value !== '');
  if (asked.length === 0) return undefined;
  const refuse = (what: string): never => {
    throw new PluginError('INVALID_ARGUMENT', `linux.security_context.selinux_options: ${what}`, { object });
  };
  if (!enabled) refuse('the kernel of this host has no SELinux');
  const label = { ...defaults, ...Object.fromEntries(asked) };
  for (const [name, value] of Object.entries(label)) {
    if (!(name === 'level' ? level : part).test(value)) refuse(`${JSON.stringify(value.slice(0, 100))} is no ${name}`);
  }
  return {
    process: [label.user, label.role, label.type, label.level].join(':'),
    mount: [label.user, 'object_r', 'container_file_t', label.level].join(':'),
  };
}
