import type { Pod } from '@berth/api/objects';
import { AttachRequest, ExecRequest, ListPodSandboxRequest, PodSandboxState, PortForwardRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { podUidLabel } from '../cri/labels.ts';
import { fullNameOf, uidOf } from '../pod.ts';
import type { NodeRuntimes } from './node-runtimes.ts';
import type { RuntimeClient } from './runtime-client.ts';

/** A running container, by the handler of its runtime and its id there. */
export interface RuntimeContainer {
  handler: string;
  id: string;
}

/** Which streams of a process a client wants. */
export interface SessionStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** Where a session is fetched, once and soon. */
export interface SessionLocation {
  url: string;
  /** As RuntimeClient.streamingCa. */
  ca?: string;
}

/** Sessions with pods, which the runtimes serve themselves: each method gives where one is fetched. */
export class RuntimeSessions {
  readonly #runtimes: NodeRuntimes;

  constructor(runtimes: NodeRuntimes) {
    this.#runtimes = runtimes;
  }

  async exec({ handler, id }: RuntimeContainer, cmd: string[], streams: SessionStreams, signal: AbortSignal): Promise<SessionLocation> {
    const client = this.#runtimes.get(handler);
    const { url } = await client.runtime.exec(ExecRequest.create({ containerId: id, cmd, ...streams }), { signal });
    return locate(client, url);
  }

  async attach({ handler, id }: RuntimeContainer, streams: SessionStreams, signal: AbortSignal): Promise<SessionLocation> {
    const client = this.#runtimes.get(handler);
    const { url } = await client.runtime.attach(AttachRequest.create({ containerId: id, ...streams }), { signal });
    return locate(client, url);
  }

  /** `ports` are what a client over WebSocket forwards; over SPDY it names them later. FAILED_PRECONDITION for a pod without a sandbox. */
  async portForward(pod: Pod, ports: number[], signal: AbortSignal): Promise<SessionLocation> {
    const { client } = this.#runtimes.of(pod);
    const { runtime } = client;
    const filter = { labelSelector: { [podUidLabel]: uidOf(pod) }, state: { state: PodSandboxState.SANDBOX_READY } };
    const { items } = await runtime.listPodSandbox(ListPodSandboxRequest.fromPartial({ filter }), { signal });
    const [sandbox] = items;
    if (!sandbox) throw new PluginError('FAILED_PRECONDITION', 'it has no sandbox now', { object: `pod ${fullNameOf(pod)}` });
    const { url } = await runtime.portForward(PortForwardRequest.create({ podSandboxId: sandbox.id, port: ports }), { signal });
    return locate(client, url);
  }
}

function locate({ streamingCa }: RuntimeClient, url: string): SessionLocation {
  return { url, ...(streamingCa !== undefined && { ca: streamingCa }) };
}
