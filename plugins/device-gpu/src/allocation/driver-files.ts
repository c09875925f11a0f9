import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { HostRoot } from '../host-root.ts';

/** A file of the driver that containers get, by paths of the host. */
export interface DriverFile {
  /** Without symbolic links. */
  readonly hostPath: string;
  /** Where programs look for it, on the host. */
  readonly path: string;
  readonly kind: 'library' | 'program';
}

/** What programs that compute, encode or ask for the state of a GPU load of the driver (libnvidia-container: its compute, utility and video libraries). */
const libraryName =
  /^lib(cuda|cudadebugger|nvcuvid|nvidia-(ml|cfg|ptxjitcompiler|nvvm|allocator|opencl|gpucomp|pkcs11(-openssl3)?|fatbinaryloader|compiler|encode|opticalflow))\.so(\.\d+)*$/;

/** Where the linker looks, and where distributions and drivers put what isn't for it. */
const libraryDirectories = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/lib64',
  '/lib',
  '/usr/local/nvidia/lib64',
];
const programDirectories = ['/usr/bin', '/usr/local/bin', '/usr/local/nvidia/bin', '/opt/bin', '/bin'];
const programs = ['nvidia-smi'];
/** Some distributions leave its directory out of PATH. */
const linkerCacheCommands = ['ldconfig', '/sbin/ldconfig', '/usr/sbin/ldconfig'];
const commandDeadlineMs = 10_000;

/** The driver's libraries by the linker's cache, or by its directories where there is no cache or a fixture is in the host's place; and its programs. */
export async function findDriverFiles(host: HostRoot, signal: AbortSignal): Promise<DriverFile[]> {
  const cache = host.isFixture ? undefined : await linkerCache(signal);
  const libraries = cache === undefined ? librariesInDirectories(host) : librariesInCache(cache, process.arch);
  const found = libraries.map((path) => ({ path, kind: 'library' as const }));
  const present = programs.flatMap(
    (name) => programDirectories.map((directory) => join(directory, name)).find((path) => host.exists(path)) ?? [],
  );
  return [...found, ...present.map((path) => ({ path, kind: 'program' as const }))].flatMap(({ path, kind }) => {
    const hostPath = host.resolve(path);
    return hostPath === undefined ? [] : [{ hostPath, path, kind }];
  });
}

/** How `ldconfig -p` tells what a library is for, by Node's name of the processor. */
const libraryKinds: Readonly<Record<string, string>> = { x64: 'x86-64', arm64: 'AArch64', ppc64: '64bit' };

/** The driver's libraries in what `ldconfig -p` prints: `libcuda.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libcuda.so.1`. The first of a name counts, as for the linker. */
export function librariesInCache(text: string, processor: string): string[] {
  const found = new Map<string, string>();
  for (const [, name = '', kind = '', path = ''] of text.matchAll(/^\s*(\S+) \(([^)]*)\) => (\/.*)$/gm)) {
    const fits = kind.split(/,\s*/).includes(libraryKinds[processor] ?? '');
    if (fits && libraryName.test(name) && !found.has(name)) found.set(name, path);
  }
  return [...found.values()];
}

function librariesInDirectories(host: HostRoot): string[] {
  const found = new Map<string, string>();
  for (const directory of libraryDirectories) {
    for (const name of host.list(directory)) if (libraryName.test(name) && !found.has(name)) found.set(name, join(directory, name));
  }
  return [...found.values()].toSorted((first, second) => (basename(first) < basename(second) ? -1 : 1));
}

async function linkerCache(signal: AbortSignal): Promise<string | undefined> {
  for (const command of linkerCacheCommands) {
    try {
      const { stdout } = await promisify(execFile)(command, ['-p'], { signal, timeout: commandDeadlineMs, maxBuffer: 2 ** 26 });
      return stdout;
    } catch {
      signal.throwIfAborted();
    }
  }
  return undefined;
}
