import type { Prefix } from '@berth/sdk/cni/address';
import type { AttachmentName } from '@berth/sdk/cni/plugin';
import { CniError } from '@berth/sdk/cni/types';
import type { NetworkAttachment } from '../attachment.ts';

/** The back end's program isn't there, or can't use the kernel's packet filter: another one may do. */
export class BackendUnavailable extends CniError {}

/** One way to masquerade what containers send out of their own networks, with the names and rules of the reference plugin. */
export interface MasqueradeBackend {
  /** Throws a BackendUnavailable (code 5) where nothing was tried, another CniError of that code where it failed. */
  add(attachment: NetworkAttachment, prefixes: Prefix[]): Promise<void>;
  /** Removes the rules of one attachment, whichever plugin made them, and says whether there were any. */
  remove(attachment: NetworkAttachment): Promise<boolean>;
  /** Removes the rules of those of the network's attachments that aren't in use. */
  collect(network: string, valid: AttachmentName[]): Promise<void>;
  /** The prefixes for which the attachment has no rule that packets come to. Throws a BackendUnavailable where that can't be found out. */
  unmasqueraded(attachment: NetworkAttachment, prefixes: Prefix[]): Promise<Prefix[]>;
}
