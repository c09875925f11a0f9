/** What is to be known of a resource of device plugins besides how many devices it has. */
export interface DeviceResourceState {
  resource: string;
  /** Its plugin is there. */
  registered: boolean;
  /** What is wrong with the list that its plugin gave last, in words; undefined: nothing, or the plugin is away. */
  faults: string | undefined;
  /** Pods that have devices of it, and nobody knows which: none are handed out meanwhile. Namespace and name of each, or its uid in words. */
  podsOfUnknown: string[];
}
