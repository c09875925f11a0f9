import type { HostRoot } from '../host-root.ts';
import { parseCapabilityMinor } from './proc-texts.ts';

/** The two instances that make a MIG device, as the driver's files tell of them. */
export interface MigInstances {
  gpuInstance: number;
  computeInstance: number;
}

const capabilities = '/proc/driver/nvidia/capabilities';

/** Those of a GPU; none where it isn't in MIG mode, or in it without instances. */
export function migInstancesOf(host: HostRoot, minor: number): MigInstances[] {
  const mig = `${capabilities}/gpu${minor}/mig`;
  return numbered(host, mig, 'gi').flatMap((gpuInstance) =>
    numbered(host, `${mig}/gi${gpuInstance}`, 'ci').map((computeInstance) => ({ gpuInstance, computeInstance })),
  );
}

/** The device files that give access to two instances; fewer than two where the driver doesn't tell them. */
export function capabilityFilesOf(host: HostRoot, minor: number, { gpuInstance, computeInstance }: MigInstances): string[] {
  const instance = `${capabilities}/gpu${minor}/mig/gi${gpuInstance}`;
  return [`${instance}/access`, `${instance}/ci${computeInstance}/access`].flatMap((path) => {
    const capability = parseCapabilityMinor(host.read(path) ?? '');
    return capability === undefined ? [] : [`/dev/nvidia-caps/nvidia-cap${capability}`];
  });
}

function numbered(host: HostRoot, directory: string, prefix: string): number[] {
  const numbers = host.list(directory).map((name) => new RegExp(`^${prefix}(\\d{1,4})$`).exec(name)?.[1]);
  return numbers.flatMap((number) => (number === undefined ? [] : [Number(number)])).toSorted((first, second) => first - second);
}
