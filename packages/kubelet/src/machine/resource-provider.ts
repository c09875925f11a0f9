import type { ResourceAmounts } from '@berth/api/resource-amounts';

/** Gives the node resources that the machine itself doesn't tell of, such as devices: extended resources, `vendor.example/thing`. */
export interface ResourceProvider {
  /** What there is, also of what is out of order at present. */
  capacity(): ResourceAmounts;
  /** What pods can have of it. */
  allocatable(): ResourceAmounts;
  /** Whether it may come yet, so that a pod that asks for it isn't measured by what there is. */
  isAwaited(resource: string): boolean;
  /** What pods have been given, in order or not; admission takes at least that to be there. */
  held(): ResourceAmounts;
}
