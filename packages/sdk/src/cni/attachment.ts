/** What makes one attachment to a network another than all others: the container and its interface. */
export interface AttachmentName {
  containerId: string;
  ifName: string;
}

/** One container's attachment to a network: what the runtime tells the plugins besides their configuration. */
export interface Attachment extends AttachmentName {
  /** Path of the network namespace; '' where DEL has none any more. */
  netns: string;
  /** CNI_ARGS, in order. */
  args?: [key: string, value: string][];
  /** Runtime arguments by capability (CONVENTIONS.md): `{ portMappings: [...] }`. A plugin gets those that its configuration asks for. */
  capabilityArgs?: Record<string, unknown>;
}
