/** A part of a GPU in MIG mode that is a device of its own. */
export interface MigDevice {
  /** What the kubelet and CDI call it, the same as long as its GPU's is. */
  readonly id: string;
  /** `MIG-…`; by the driver's files alone `MIG-GPU-…/GPU INSTANCE/COMPUTE INSTANCE`, which the driver takes too. Undefined where the GPU's is. */
  readonly uuid: string | undefined;
  /** Within its GPU, from 0. */
  readonly index: number;
  /** `1g.5gb`; undefined where nobody tells it. */
  readonly profile: string | undefined;
  readonly gpuInstance: number;
  readonly computeInstance: number;
  /** Device files that give access to its two instances, `/dev/nvidia-caps/nvidia-capN`. */
  readonly capabilityFiles: readonly string[];
}

/** A GPU as the driver knows it. */
export interface Gpu {
  /** What the kubelet and CDI call it, however often the plugin starts: by NVML its UUID, by files its PCI address. */
  readonly id: string;
  /** `GPU-…`; by files undefined until something has used the GPU. */
  readonly uuid: string | undefined;
  /** In the order of PCI addresses, from 0: what nvidia-smi and CUDA (CUDA_DEVICE_ORDER=PCI_BUS_ID) call it. */
  readonly index: number;
  /** N of its device file `/dev/nvidiaN`. */
  readonly minor: number;
  /** PCI address as in sysfs: `0000:3b:00.0`. */
  readonly busId: string;
  readonly model: string;
  readonly numaNode: number | undefined;
  /** In MIG mode it is used by way of its MIG devices. */
  readonly migEnabled: boolean;
  readonly migDevices: readonly MigDevice[];
  /** Why it doesn't answer; undefined: it does. */
  readonly problem: string | undefined;
}

/** What there is at one moment. */
export interface Inventory {
  readonly driverVersion: string | undefined;
  readonly gpus: readonly Gpu[];
}

/** The device file of a GPU. */
export function deviceFileOf({ minor }: Pick<Gpu, 'minor'>): string {
  return `/dev/nvidia${minor}`;
}
