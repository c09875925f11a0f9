import { basename, join } from 'node:path';
import { deviceFileOf } from '../discovery/gpu.ts';
import type { HostRoot } from '../host-root.ts';
import type { Unit } from '../resources/resources.ts';
import type { DriverFile } from './driver-files.ts';

/** Device files that every container with a GPU gets, where they are there. */
const controlFiles = ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools', '/dev/nvidia-modeset'];

/** A device file, where this process finds it and where a container does. */
export interface ContainerDevice {
  hostPath: string;
  containerPath: string;
}

export interface ContainerMount extends ContainerDevice {
  readOnly: true;
}

/** What containers get besides the list of their devices. */
export interface AllocationFiles {
  control: readonly ContainerDevice[];
  ofUnit(unit: Unit): readonly ContainerDevice[];
  mounts: readonly ContainerMount[];
}

/** The device files that all GPUs need. */
export function controlDevices(host: HostRoot): ContainerDevice[] {
  return controlFiles.filter((path) => host.isCharacterDevice(path)).map((path) => deviceAt(host, path));
}

/** Those of one GPU or MIG device. */
export function devicesOf(host: HostRoot, { gpu, mig }: Unit): ContainerDevice[] {
  return [deviceFileOf(gpu), ...(mig?.capabilityFiles ?? [])].map((path) => deviceAt(host, path));
}

/** The driver's files, at the paths that they have on the host; libraries in another directory where one is given. */
export function driverMounts(host: HostRoot, files: readonly DriverFile[], libraryDirectory: string | undefined): ContainerMount[] {
  return files.map(({ hostPath, path, kind }) => ({
    hostPath: host.path(hostPath),
    containerPath: kind === 'library' && libraryDirectory !== undefined ? join(libraryDirectory, basename(path)) : path,
    readOnly: true,
  }));
}

function deviceAt(host: HostRoot, path: string): ContainerDevice {
  return { hostPath: host.path(path), containerPath: path };
}
