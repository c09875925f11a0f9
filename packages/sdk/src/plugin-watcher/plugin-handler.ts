/** A plugin that has made itself known by a socket below plugins_registry/. */
export interface RegisteredPlugin {
  /** A CSI driver's name, or a resource's. */
  name: string;
  /** Path of the socket on which it serves its own API. */
  endpoint: string;
  /** Of that API. */
  supportedVersions: readonly string[];
}

/** What the kubelet does with plugins of one type: CSIPlugin, DevicePlugin. What it throws is told to the plugin. */
export interface PluginHandler {
  /** Throws for a plugin that can't be taken: a bad name, no version in common, another one of its name. */
  validate(plugin: RegisteredPlugin): void;
  /** Takes it. It may come again for a plugin whose socket was made anew. */
  register(plugin: RegisteredPlugin, signal: AbortSignal): Promise<void>;
  /** Its socket has gone. */
  deregister(plugin: RegisteredPlugin): void;
}
