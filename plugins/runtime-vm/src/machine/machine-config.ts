import type { Interface } from '@berth/sdk/guest';
import type { MachineSize } from './machine-size.ts';

/** How QEMU executes the guest's instructions. */
export type Accelerator = 'kvm' | 'tcg';

/** Absolute paths of the programs and files that machines are made of. */
export interface MachineParts {
  qemu: string;
  virtiofsd: string;
  nsenter: string;
  setpriv: string;
  kernel: string;
  initramfs: string;
  /** Folder with the guest's agent. */
  tools: string;
}

/** All that a monitor has to know of its machine, as the shim writes it down for it. */
export interface MachineConfig {
  /** Of the sandbox. */
  id: string;
  parts: MachineParts;
  accelerator: Accelerator;
  size: MachineSize;
  hostname: string;
  sysctls: Record<string, string>;
  network: MachineNetwork | undefined;
  /** Of all machines of this handler: one file for each container that has ended. */
  exitDirectory: string;
  /** How long the guest may leave a ping unanswered. */
  watchdogMs: number;
}

export interface MachineNetwork {
  /** Path of the network namespace in which the tap is. */
  namespace: string;
  tap: string;
  /** Of the sandbox's interface: what CNI plugins told others of it stays true. */
  mac: string;
  /** `mtu`, `addresses` and `routes` for the guest's eth0. */
  interface: Interface;
}
