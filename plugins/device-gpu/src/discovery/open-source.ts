import { PluginError } from '@berth/sdk/errors';
import type { HostRoot } from '../host-root.ts';
import { FileSource } from './file-source.ts';
import type { GpuSource } from './gpu-source.ts';
import type { Nvml } from './nvml.ts';
import { loadNvml } from './nvml-library.ts';
import { NvmlSource } from './nvml-source.ts';

/** By what GPUs are found: `auto` takes NVML where it is there, and the files else. */
export const discoveryKinds = ['auto', 'nvml', 'files'] as const;
type DiscoveryKind = (typeof discoveryKinds)[number];

interface OpenOptions {
  kind: DiscoveryKind;
  migProfile: string | undefined;
  log(message: string): void;
  /** Default: the driver's library. */
  load?: () => Nvml;
}

/** Opens what knows the GPUs of a host. A fixture has files only. Rejects with UNAVAILABLE where NVML is asked for by name and can't be used. */
export async function openSource(host: HostRoot, { kind, migProfile, log, load = loadNvml }: OpenOptions): Promise<GpuSource> {
  const files = new FileSource(host, { migProfile, log });
  if (kind === 'files' || (kind === 'auto' && host.isFixture)) return files;
  try {
    return await NvmlSource.start(load(), host, { log, fallbackErrors: (signal) => files.errors(signal) });
  } catch (thrown) {
    const { message } = PluginError.from(thrown);
    if (kind === 'auto') {
      log(`GPUs are found by the driver's files: NVML can't be used: ${message}`);
      return files;
    }
    throw new PluginError('UNAVAILABLE', `it can't be used: ${message}`, {
      object: 'NVML',
      hint: "install NVIDIA's driver, or find GPUs by its files: --discovery=files",
      cause: thrown,
    });
  }
}
