import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Device files can be made by root only. */
export const canMakeDevices = process.platform === 'linux' && process.getuid?.() === 0;

/** A directory in the place of a host, with devices that a test makes. */
export class DeviceHostFixture {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(join(directory, 'dev'), { recursive: true });
  }

  /** Makes a device, of a kind `c` or `b`. */
  addDevice(
    path: string,
    { kind = 'c', major = 188, minor = 0, numaNode }: { kind?: 'b' | 'c'; major?: number; minor?: number; numaNode?: number } = {},
  ): void {
    mkdirSync(join(this.directory, dirname(path)), { recursive: true });
    execFileSync('mknod', [join(this.directory, path), kind, String(major), String(minor)]);
    if (numaNode !== undefined)
      this.addFile(`/sys/dev/${kind === 'c' ? 'char' : 'block'}/${major}:${minor}/device/numa_node`, `${numaNode}\n`);
  }

  addFile(path: string, text = ''): void {
    mkdirSync(join(this.directory, dirname(path)), { recursive: true });
    writeFileSync(join(this.directory, path), text);
  }

  addLink(path: string, to: string): void {
    mkdirSync(join(this.directory, dirname(path)), { recursive: true });
    symlinkSync(relative(dirname(path), to), join(this.directory, path));
  }
}
