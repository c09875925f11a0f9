import type { AttachmentName, PluginRequest } from '@berth/sdk/cni/plugin';

/** One container's attachment to a network, among those to all networks. */
export interface NetworkAttachment extends AttachmentName {
  network: string;
}

/** A container's interface, in messages. */
export function nameInterface({ netns, ifName }: Pick<PluginRequest, 'netns' | 'ifName'>): string {
  return `interface ${ifName} in ${netns}`;
}

/** The attachment that a request is about. */
export function attachmentOf({ config, containerId, ifName }: Pick<PluginRequest, 'config' | 'containerId' | 'ifName'>): NetworkAttachment {
  return { network: config.name ?? '', containerId, ifName };
}
