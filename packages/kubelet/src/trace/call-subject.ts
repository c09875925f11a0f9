/** The parts of CRI requests that tell what a call is about, whichever call it is. */
interface AnyRequest {
  podSandboxId?: string;
  containerId?: string;
  image?: { image?: string };
  config?: { metadata?: { name?: string } };
}

interface Described {
  subject?: string;
  sandboxId?: string;
  containerId?: string;
}

/** The pod, container or image that a request names, and its ids. */
export function describeRequest(request: unknown): Described {
  const { podSandboxId, containerId, image, config } = (request ?? {}) as AnyRequest;
  const subject = config?.metadata?.name ?? image?.image;
  return { ...(subject && { subject }), ...(podSandboxId && { sandboxId: podSandboxId }), ...(containerId && { containerId }) };
}

/** The id of what a call made: a sandbox or a container. */
export function idsInResponse(response: unknown): Pick<Described, 'sandboxId' | 'containerId'> {
  const { podSandboxId, containerId } = (response ?? {}) as AnyRequest;
  return { ...(podSandboxId && { sandboxId: podSandboxId }), ...(containerId && { containerId }) };
}
