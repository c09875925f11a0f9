/** The parts of requests to runtimes and device plugins that tell what a call is about, whichever call it is. */
interface AnyRequest {
  podSandboxId?: string;
  containerId?: string;
  image?: { image?: string };
  config?: { metadata?: { name?: string } };
  /** Of Allocate. */
  containerRequests?: { devicesIds?: string[] }[];
  /** Of PreStartContainer. */
  devicesIds?: string[];
}

interface Described {
  subject?: string;
  sandboxId?: string;
  containerId?: string;
}

/** The pod, container, image or devices that a request names, and its ids. */
export function describeRequest(request: unknown): Described {
  const { podSandboxId, containerId, image, config, containerRequests, devicesIds } = (request ?? {}) as AnyRequest;
  const devices = devicesIds ?? containerRequests?.flatMap((each) => each.devicesIds ?? []);
  const subject = config?.metadata?.name ?? image?.image ?? devices?.join(', ');
  return { ...(subject && { subject }), ...(podSandboxId && { sandboxId: podSandboxId }), ...(containerId && { containerId }) };
}

/** The id of what a call made: a sandbox or a container. */
export function idsInResponse(response: unknown): Pick<Described, 'sandboxId' | 'containerId'> {
  const { podSandboxId, containerId } = (response ?? {}) as AnyRequest;
  return { ...(podSandboxId && { sandboxId: podSandboxId }), ...(containerId && { containerId }) };
}
