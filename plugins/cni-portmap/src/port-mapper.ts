import type { CniError } from '@berth/sdk/cni/types';
import type { PortMapping } from './configuration.ts';
import type { Forwarding, Owner } from './forwarding.ts';

/** A back end: one of the kernel's two ways to lead connections elsewhere. Failures are CniErrors of code 5. */
export interface PortMapper {
  /** Leads the ports to their container, in place of what an earlier ADD of it has left. After a failure some rules may be there. */
  map(forwarding: Forwarding): Promise<void>;
  /** What of a forwarding isn't there, in words: the first thing at least. Empty where all is there. */
  missing(forwarding: Forwarding): Promise<string[]>;
  /** Removes the rules of one container on one network, whichever plugin made them; none are no error, nor is a system without the back end. */
  remove(owner: Owner): Promise<void>;
  /** Removes the rules of a network's containers but for those of the ids in `valid`. */
  removeStale(network: string, valid: string[]): Promise<void>;
  /** Why the back end takes no rule about ports of a protocol with such conditions; undefined where it takes them, or no rules at all. */
  whyRefused(family: 4 | 6, protocol: PortMapping['protocol'], conditions: string[]): Promise<string | undefined>;
  /** Why no port could be mapped here (code 50), undefined if one could. */
  problem(): Promise<CniError | undefined>;
}
