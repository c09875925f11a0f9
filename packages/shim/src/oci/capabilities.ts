import type { Capability } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

/** What a container has unless it is told otherwise: the list that Docker, containerd and CRI-O share. */
const defaultCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** Every capability by its bit (capabilities(7), linux/capability.h). */
const capabilitiesByBit = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
)
  .split(' ')
  .map((name) => `CAP_${name}`);

/** Names of the bits set in a mask as /proc/PID/status prints it. */
export function capabilitiesOfMask(hexadecimal: string): string[] {
  const mask = BigInt(`0x${hexadecimal}`);
  return capabilitiesByBit.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
}

interface GrantedCapabilities {
  granted: string[];
  ambient: string[];
  /** Asked for by name, but not to be had on this host. */
  withheld: string[];
}

/** What `request` comes to on a host with this bounding set. `ALL` is applied first, single names after it (CRI Capability). */
export function grantCapabilities(
  request: Capability | undefined,
  privileged: boolean,
  bounding: string[],
  object: string,
): GrantedCapabilities {
  if (privileged) return { granted: bounding, ambient: [], withheld: [] };
  const named = (names: string[] | undefined): string[] => (names ?? []).map((name) => fullName(name, object));
  const [add, drop, addAmbient] = [
    named(request?.addCapabilities),
    named(request?.dropCapabilities),
    named(request?.addAmbientCapabilities),
  ];
  const isAll = add.includes('ALL') || addAmbient.includes('ALL');
  const wanted = new Set(isAll ? bounding : drop.includes('ALL') ? [] : defaultCapabilities);
  for (const name of [...add, ...addAmbient]) if (name !== 'ALL') wanted.add(name);
  for (const name of drop) wanted.delete(name);
  const possible = (name: string): boolean => wanted.has(name) && bounding.includes(name);
  return {
    granted: [...wanted].filter(possible),
    ambient: (addAmbient.includes('ALL') ? bounding : addAmbient).filter(possible),
    withheld: [...wanted].filter((name) => !bounding.includes(name)),
  };
}

function fullName(name: string, object: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (capabilitiesByBit.includes(full)) return full;
  throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(name)} is no capability`, {
    object,
    hint: 'see capabilities(7) for the names',
  });
}
