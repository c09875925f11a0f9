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
}
