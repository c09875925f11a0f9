import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GpuHostFixture } from '../gpu-host.fixture.ts';
import { HostRoot } from '../host-root.ts';
import { driverMounts } from './allocation-files.ts';
import { findDriverFiles, librariesInCache } from './driver-files.ts';

const cache = `1204 libs found in cache \`/etc/ld.so.cache'
\tlibnvidia-ml.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libnvidia-ml.so.1
\tlibcuda.so.1 (libc6,x86-64) => /usr/local/nvidia/lib64/libcuda.so.1
\tlibcuda.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libcuda.so.1
\tlibcuda.so.1 (libc6) => /lib/i386-linux-gnu/libcuda.so.1
\tlibnvidia-ptxjitcompiler.so.1 (libc6,AArch64) => /lib/aarch64-linux-gnu/libnvidia-ptxjitcompiler.so.1
\tlibnvidia-container.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libnvidia-container.so.1
\tlibc.so.6 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/x86_64-linux-gnu/libc.so.6
`;

it.each([
  ['x64', ['/lib/x86_64-linux-gnu/libnvidia-ml.so.1', '/usr/local/nvidia/lib64/libcuda.so.1']],
  ['arm64', ['/lib/aarch64-linux-gnu/libnvidia-ptxjitcompiler.so.1']],
])("the driver's libraries in the linker's cache, on %s", (processor, libraries) =>
  expect(librariesInCache(cache, processor).toSorted()).toEqual(libraries),
);

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-driver-'));
  new GpuHostFixture(directory, { devices: false });
});

afterEach(() => rmSync(directory, { recursive: true }));

it.each([
  [undefined, '/usr/lib/x86_64-linux-gnu'],
  ['/opt/gpu', '/opt/gpu'],
])("mounts a fixture's files where containers look for them (%s)", async (libraryDirectory, expected) => {
  const host = new HostRoot(directory);
  const files = await findDriverFiles(host, new AbortController().signal);
  expect(driverMounts(host, files, libraryDirectory)).toEqual([
    ...['libcuda.so.1', 'libcuda.so.550.54.15', 'libnvidia-ml.so.1', 'libnvidia-ml.so.550.54.15'].map((name) => ({
      hostPath: host.path(`/usr/lib/x86_64-linux-gnu/${name.replace(/\.1$/, '.550.54.15')}`),
      containerPath: `${expected}/${name}`,
      readOnly: true,
    })),
    { hostPath: host.path('/usr/bin/nvidia-smi'), containerPath: '/usr/bin/nvidia-smi', readOnly: true },
  ]);
});
