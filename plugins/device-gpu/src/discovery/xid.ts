/** An error that the driver has told of a GPU (NVIDIA, "XID Errors"). */
export interface XidError {
  /** Its number. */
  readonly xid: number;
  /** The GPU's PCI address without function, `0000:3b:00`, or its UUID; undefined: it may be of any GPU. */
  readonly gpu: string | undefined;
  /** Of MIG: the instances that it is of; undefined: the whole GPU. */
  readonly gpuInstance?: number;
  readonly computeInstance?: number;
}

/** Errors of programs, after which the GPU is in order; NVIDIA's own plugin ignores the same. */
export const applicationXids: readonly number[] = [13, 31, 43, 45, 68, 109];

const line = /^(?:[^;]*;)?\s*NVRM: Xid \((?:PCI:)?([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})(?:\.[0-7])?([^)]*)\): (\d{1,6})\b/i;

/**
 * The error that a line of the kernel log tells, as /dev/kmsg gives it or without its prefix:
 * `4,873,5316,-;NVRM: Xid (PCI:0000:3b:00 GPU-I:01 GPU-CI:00): 94, pid=...` (open-gpu-kernel-modules, kernel_rc.c). Undefined for any other line.
 */
export function parseXid(text: string): XidError | undefined {
  const [, domain = '', bus = '', device = '', instances = '', xid = ''] = line.exec(text) ?? [];
  if (xid === '') return undefined;
  const gpuInstance = instanceOf(instances, 'GPU-I');
  const computeInstance = instanceOf(instances, 'GPU-CI');
  return {
    xid: Number(xid),
    gpu: `${Number.parseInt(domain, 16).toString(16).padStart(4, '0')}:${bus}:${device}`.toLowerCase(),
    ...(gpuInstance !== undefined && { gpuInstance }),
    ...(computeInstance !== undefined && { computeInstance }),
  };
}

function instanceOf(instances: string, name: string): number | undefined {
  const [, number] = new RegExp(`\\b${name}:(\\d+)`).exec(instances) ?? [];
  return number === undefined ? undefined : Number(number);
}
