import type { Gpu, Inventory } from './gpu.ts';
import type { GpuLinks } from './gpu-links.ts';
import type { XidError } from './xid.ts';

/** Who knows what GPUs there are: NVML, or the driver's files. */
export interface GpuSource {
  readonly name: 'nvml' | 'files';
  /** All GPUs there are now. Rejects where none of them can be told; one that doesn't answer has its `problem`. */
  inventory(signal: AbortSignal): Promise<Inventory>;
  /** How closely GPUs are linked; asked anew when the GPUs are others. */
  links(gpus: readonly Gpu[], signal: AbortSignal): Promise<GpuLinks>;
  /** Errors of GPUs (XIDs), from now on. */
  errors(signal: AbortSignal): AsyncIterable<XidError>;
  /** What it has opened is given back. */
  close(): Promise<void>;
}
