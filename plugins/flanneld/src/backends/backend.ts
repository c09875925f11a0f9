import type { Lease, LeaseAttributes } from '../subnet/lease.ts';

/** How packets get from one host's pods to another's. One object joins one host; its methods run one at a time, in this order. */
export interface Backend {
  /** flannel's name of it, as `Backend.Type` has it. */
  readonly type: string;

  /** Bytes of a pod's largest packet: FLANNEL_MTU. */
  readonly mtu: number;

  /** Makes what this host needs before it has a lease, and gives what the other hosts must know of it. */
  prepare(): Promise<LeaseAttributes>;

  /** Gives the host's side the addresses of its lease. */
  start(lease: Lease): Promise<void>;

  /**
   * Makes the kernel (or the data plane) agree with the leases of the other hosts: adds what is missing, whoever removed it, and removes
   * what is this back end's and belongs to no lease. Called at every change of the leases and over and over. Leases of another back end
   * are passed over. What can't be done for one lease doesn't keep the others from being done: they are told as failures.
   */
  reconcile(others: readonly Lease[]): Promise<Failure[]>;

  /** Ends what runs in this process. Devices and routes that work without it stay, so that pods keep their connections. */
  close(): Promise<void>;
}

/** What could not be made so, in words for the log: `object` is the entry, `reason` what the kernel said. */
export interface Failure {
  object: string;
  reason: string;
}
