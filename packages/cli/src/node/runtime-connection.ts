import { type Client, connect } from '@berth/sdk/connect';
import { ImageServiceService, RuntimeServiceService, VersionRequest } from '@berth/sdk/cri';
import type { Tap } from '@berth/sdk/tap';

/** A CRI server as the node's parts call it. */
export interface RuntimeConnection {
  runtime: Client<RuntimeServiceService>;
  images: Client<ImageServiceService>;
  close(): void;
}

/** `imageEndpoint` is given for a server whose images are at another one. */
export function connectRuntime(
  endpoint: string,
  { imageEndpoint = endpoint, ...options }: { tap?: Tap; deadlineMs: number; imageEndpoint?: string },
): RuntimeConnection {
  const runtime = connect(RuntimeServiceService, endpoint, options);
  const images = connect(ImageServiceService, imageEndpoint, options);
  return {
    runtime,
    images,
    close() {
      runtime.close();
      images.close();
    },
  };
}

/** Succeeds when the CRI server at `endpoint` answers. */
export async function probeRuntime(endpoint: string, signal: AbortSignal): Promise<void> {
  const runtime = connect(RuntimeServiceService, endpoint, { deadlineMs: 5000 });
  try {
    await runtime.version(VersionRequest.create({ version: 'v1' }), { signal });
  } finally {
    runtime.close();
  }
}
