import type { Client } from '@berth/sdk/connect';
import type { ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';

/** One container runtime of the node, as the kubelet calls it. */
export interface RuntimeClient {
  /** What RuntimeClasses name; also the scheme of container ids. */
  handler: string;
  runtime: Client<RuntimeServiceService>;
  images: Client<ImageServiceService>;
  /** Sent in RunPodSandbox; empty: the server's own default. */
  runtimeHandler: string;
  /** Authorities, in PEM, of the certificate that its streaming server shows, where that speaks HTTPS; left out: those that Node.js knows. */
  streamingCa?: string;
  /** Given for a runtime that runs only when a pod needs it. */
  onDemand?: OnDemand;
}

/** A runtime that is started when a pod first asks for it. Until then it has no pods, and isn't called. */
export interface OnDemand {
  readonly started: boolean;
  /** Resolves when it answers, at once if it does so already. Within a time of its own it throws why it doesn't come up, and may be tried again. */
  start(signal: AbortSignal): Promise<void>;
}
