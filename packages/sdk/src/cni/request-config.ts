import type { Attachment, AttachmentName } from './attachment.ts';
import { type NetworkConfigList, type PluginConfig, type Verb, validAttachmentsKey } from './types.ts';

/** libcni sends a second one, which an earlier text of the spec had. */
const validAttachmentsKeys = [validAttachmentsKey, 'cni.dev/attachments'];

/** What a call adds to a plugin's own configuration. */
interface Additions {
  prevResult?: Record<string, unknown> | undefined;
  capabilityArgs?: Record<string, unknown> | undefined;
  /** With GC: what is in use. */
  validAttachments?: AttachmentName[] | undefined;
}

/** A plugin's stdin (SPEC.md, "Deriving request configuration from plugin configuration"). */
export function requestConfig(list: NetworkConfigList, plugin: PluginConfig, additions: Additions): PluginConfig {
  const { prevResult, capabilityArgs = {}, validAttachments } = additions;
  const { capabilities = {}, ...config } = plugin;
  const runtimeConfig = Object.fromEntries(Object.entries(capabilityArgs).filter(([capability]) => capabilities[capability] === true));
  const valid = validAttachments?.map(({ containerId, ifName }) => ({ containerID: containerId, ifname: ifName }));
  return {
    ...config,
    cniVersion: list.cniVersion,
    name: list.name,
    ...(Object.keys(runtimeConfig).length > 0 ? { runtimeConfig } : {}),
    ...(prevResult === undefined ? {} : { prevResult }),
    ...(valid && Object.fromEntries(validAttachmentsKeys.map((key) => [key, valid]))),
  };
}

/**
 * A call's environment. All variables of the protocol are set, so that none of them comes from the environment of the runtime itself; those
 * that the verb has no use for are empty.
 */
export function requestEnvironment(verb: Verb, pluginDirs: string[], attachment?: Attachment): Record<string, string> {
  const { containerId = '', netns = '', ifName = '', args = [] } = attachment ?? {};
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifName,
    CNI_ARGS: args.map(([key, value]) => `${key}=${value}`).join(';'),
    CNI_PATH: pluginDirs.join(':'),
  };
}
