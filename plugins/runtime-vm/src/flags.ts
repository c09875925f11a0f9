import { PluginError } from '@berth/sdk/errors';
import type { PluginContext } from '@berth/shim/main';
import type { VmRuntimeOptions } from './vm-runtime.ts';

const mebibyte = 1024 * 1024;

const accelerators = ['auto', 'kvm', 'tcg'] as const;

/** This runtime's own flags, in commander's notation. */
export const flags = {
  '--guest <directory>': 'kernel, initial root file system and tools of the guest (default $BERTH_GUEST_DIR or /usr/lib/berth/guest)',
  '--accelerator <name>': 'kvm, tcg, or auto: kvm where a guest starts under it (default auto)',
  '--memory <mebibytes>': 'memory of a machine whose pod has no limit, and the least for any (default 256)',
  '--cpus <count>': 'CPUs of a machine whose pod has no limit, and the least for any (default 1)',
  '--watchdog <seconds>': 'how long a guest may be silent before its machine is ended (default 30)',
};

/** What the flags, or their defaults, say. Throws INVALID_ARGUMENT by the flag's name. */
export function readFlags(
  given: PluginContext['flags'],
  environment: NodeJS.ProcessEnv = process.env,
): Pick<VmRuntimeOptions, 'guestDirectory' | 'accelerator' | 'size' | 'watchdogMs'> {
  return {
    guestDirectory: String(given.guest ?? environment.BERTH_GUEST_DIR ?? '/usr/lib/berth/guest'),
    accelerator: accelerator(String(given.accelerator ?? 'auto')),
    size: { memoryBytes: count('--memory', given.memory ?? 256, 128) * mebibyte, cpus: count('--cpus', given.cpus ?? 1, 1) },
    watchdogMs: count('--watchdog', given.watchdog ?? 30, 1) * 1000,
  };
}

function accelerator(name: string): VmRuntimeOptions['accelerator'] {
  const known = accelerators.find((each) => each === name);
  if (known) return known;
  throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(name)} is none of ${accelerators.join(', ')}`, { object: '--accelerator' });
}

function count(flag: string, given: string | number | boolean, least: number): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= least) return value;
  throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(given)} is no whole number from ${least}`, { object: flag });
}
