import type { ResourceAmounts } from '@berth/api/resource-amounts';

/** Gives the node resources that the machine itself doesn't tell of, such as devices: extended resources, `vendor.example/thing`. */
export interface ResourceProvider {
  /** What there is, also of what is out of order at present. */
  capacity(): ResourceAmounts;
  /** What pods can have of it. */
  allocatable(): ResourceAmounts;
  /** What pods have been given, in order or not; admission takes at least that to be there. */
  held(): ResourceAmounts;
}
