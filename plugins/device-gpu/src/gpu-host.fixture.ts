import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Device files can be made by root only. */
export const canMakeDevices = process.platform === 'linux' && process.getuid?.() === 0;

/** Majors of the driver's device files; those of all but the GPUs are given out by the kernel. */
const majors = { nvidia: 195, uvm: 510, capabilities: 511 };

interface HostFixtureOptions {
  /** Half of them near to each of two NUMA nodes, two at a time on one switch. Default 1. */
  gpus?: number;
  /** How many MIG devices each GPU has. Default none. */
  migDevices?: number;
  /** Left out: device files as the driver makes them; else none, for tests that aren't root's. */
  devices?: boolean;
}

/** A directory in the place of a host with NVIDIA GPUs: /dev, /proc, /sys, and the driver's libraries. */
export class GpuHostFixture {
  readonly directory: string;
  readonly #devices: boolean;

  /** Makes one in a directory that is there. */
  constructor(directory: string, { gpus = 1, migDevices = 0, devices = canMakeDevices }: HostFixtureOptions = {}) {
    this.directory = directory;
    this.#devices = devices;
    for (const path of ['dev', 'proc/driver/nvidia/gpus', 'sys/bus/pci/devices']) mkdirSync(join(directory, path), { recursive: true });
    this.#write('dev/kmsg', '6,1,0,-;Linux version\n');
    this.#makeDriver();
    if (gpus > 0)
      for (const [name, minor] of [
        ['nvidiactl', 255],
        ['nvidia-modeset', 254],
      ] as const)
        this.addDevice(name, majors.nvidia, minor);
    if (gpus > 0)
      for (const [name, minor] of [
        ['nvidia-uvm', 0],
        ['nvidia-uvm-tools', 1],
      ] as const)
        this.addDevice(name, majors.uvm, minor);
    for (let index = 0; index < gpus; index++) this.#addGpu(index, index < gpus / 2 ? 0 : 1, migDevices);
  }

  /** What the driver calls a GPU. */
  static uuid(index: number): string {
    return `GPU-${String(index).repeat(8)}-0000-4000-8000-${String(index).padStart(12, '0')}`;
  }

  static busId(index: number): string {
    return `0000:${(0x1b + 0x10 * index).toString(16)}:00.0`;
  }

  /** Adds a line to the kernel's log. */
  logLine(line: string): void {
    appendFileSync(join(this.directory, 'dev/kmsg'), `${line}\n`);
  }

  /** Makes a character device below /dev. */
  addDevice(name: string, major: number, minor: number): void {
    const path = join(this.directory, 'dev', name);
    mkdirSync(dirname(path), { recursive: true });
    if (this.#devices) execFileSync('mknod', [path, 'c', String(major), String(minor)]);
  }

  addGpuDevice(index: number): void {
    this.addDevice(`nvidia${index}`, majors.nvidia, index);
  }

  /** What the driver tells of a GPU; of one that nothing has used it doesn't know the UUID (undefined). */
  tellUuid(index: number, uuid: string | undefined): void {
    const busId = GpuHostFixture.busId(index);
    const told = uuid ?? 'GPU-????????-????-????-????-????????????';
    const information = `Model: \t\t NVIDIA H200\nIRQ:   \t\t 10\nGPU UUID: \t ${told}\nBus Location: \t ${busId}\nDevice Minor: \t ${index}\nGPU Excluded:\t No\n`;
    this.#write(`proc/driver/nvidia/gpus/${busId}/information`, information);
  }

  /** Takes a file or directory away: `dev/nvidia0`. */
  remove(path: string): void {
    rmSync(join(this.directory, path), { recursive: true });
  }

  #addGpu(index: number, numaNode: number, migDevices: number): void {
    const busId = GpuHostFixture.busId(index);
    this.tellUuid(index, GpuHostFixture.uuid(index));
    const port = Math.floor(index / 2) + 1;
    const root = numaNode === 0 ? '10' : '50';
    const bridges = `pci0000:${root}/0000:${root}:0${port}.0/0000:${root.charAt(0)}${port}:00.0/0000:${root.charAt(0)}${port + 4}:0${index % 2}.0`;
    this.#write(`sys/devices/${bridges}/${busId}/numa_node`, `${numaNode}\n`);
    const link = join(this.directory, 'sys/bus/pci/devices', busId);
    symlinkSync(relative(dirname(link), join(this.directory, 'sys/devices', bridges, busId)), link);
    this.addGpuDevice(index);
    for (let mig = 0; mig < migDevices; mig++) this.#addMig(index, mig + 1);
  }

  #addMig(gpu: number, instance: number): void {
    const directory = `proc/driver/nvidia/capabilities/gpu${gpu}/mig/gi${instance}`;
    for (const [path, minor] of [
      ['access', 0],
      ['ci0/access', 1],
    ] as const) {
      const capability = gpu * 100 + instance * 10 + minor;
      this.#write(`${directory}/${path}`, `DeviceFileMinor: ${capability}\nDeviceFileMode: 292\nDeviceFileModify: 1\n`);
      this.addDevice(`nvidia-caps/nvidia-cap${capability}`, majors.capabilities, capability);
    }
  }

  #makeDriver(): void {
    this.#write(
      'proc/driver/nvidia/version',
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  gcc version 12.2.0\n',
    );
    for (const name of ['libcuda.so', 'libnvidia-ml.so']) {
      this.#write(`usr/lib/x86_64-linux-gnu/${name}.550.54.15`, '');
      symlinkSync(`${name}.550.54.15`, join(this.directory, `usr/lib/x86_64-linux-gnu/${name}.1`));
    }
    this.#write('usr/lib/x86_64-linux-gnu/libc.so.6', '');
    this.#write('usr/bin/nvidia-smi', '');
  }

  #write(path: string, text: string): void {
    mkdirSync(join(this.directory, dirname(path)), { recursive: true });
    writeFileSync(join(this.directory, path), text);
  }
}
