/** What tells a MIG device's profile. */
export interface MigSlices {
  gpuSlices: number;
  computeSlices: number;
  memoryMiB: bigint;
  /** Of the whole GPU, in bytes. */
  gpuMemory: bigint;
}

/** The profile that a MIG device's name ends with: `NVIDIA A100-SXM4-40GB MIG 1g.5gb`. */
export function profileInName(name: string): string | undefined {
  return /\bMIG (?<profile>(?:\d+c\.)?\d+g\.\d+gb(?:\+[\w.]+)*(?:-\w+)?)$/i.exec(name)?.groups?.profile;
}

const eighths = 8;

/**
 * The profile by the slices that a MIG device has: `1g.5gb`, or `1c.2g.10gb` where it computes on fewer than it has. NVIDIA's names count the memory in
 * eighths of the whole GPU's, rounded up, in whole GiB.
 */
export function profileOfSlices({ gpuSlices, computeSlices, memoryMiB, gpuMemory }: MigSlices): string {
  const share = Math.ceil(((Number(memoryMiB) * 2 ** 20) / Number(gpuMemory)) * eighths) / eighths;
  const gigabytes = Math.round(share * Math.ceil(Number(gpuMemory) / 2 ** 30));
  const compute = computeSlices === gpuSlices ? '' : `${computeSlices}c.`;
  return `${compute}${gpuSlices}g.${gigabytes}gb`;
}
