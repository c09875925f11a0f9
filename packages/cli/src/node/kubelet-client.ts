import type { Event, Node, Pod } from '@berth/api/objects';
import type { DeviceResourceState } from '@berth/kubelet/device-resource-state';
import type { ExecSyncResult } from '@berth/kubelet/exec-sync';
import type { Explanation } from '@berth/kubelet/explanation';
import type { PodTrace } from '@berth/kubelet/pod-traces';
import { PluginError } from '@berth/sdk/errors';
import type { SpdyConnection } from '@berth/shim/spdy';
import { Agent, request } from 'undici';
import type { WebSocket } from 'ws';
import { type Directories, isSocket, kubeletSocket } from '../configuration/directories.ts';
import { openSpdy, openWebSocket } from './upgraded-connection.ts';

const timeoutMs = 10_000;

interface RequestOptions {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  signal: AbortSignal;
}

/** How a command in a container ended, and what it printed. */
export interface CommandResult {
  stdout: Buffer;
  stderr: Buffer;
  exitCode: number;
}

/** Asks a running node over its kubelet's HTTP server on RUN/kubelet.sock. */
export class KubeletClient {
  readonly #socket: string;
  readonly #agent: Agent;

  constructor(directories: Directories) {
    this.#socket = kubeletSocket(directories);
    this.#agent = new Agent({ connect: { socketPath: this.#socket } });
  }

  /** Every pod with its status. */
  async pods(): Promise<Pod[]> {
    return (await this.#json<{ items: Pod[] }>('/pods')).items;
  }

  /** The node as an object of Kubernetes. */
  node(): Promise<Node> {
    return this.#json<Node>('/node');
  }

  /** Each resource of device plugins, as far as the node's object doesn't tell it. */
  async devices(): Promise<DeviceResourceState[]> {
    return (await this.#json<{ items: DeviceResourceState[] }>('/devices')).items;
  }

  /** What happened to the node and its pods, of each in the order of the last occurrences. */
  async events(): Promise<Event[]> {
    return (await this.#json<{ items: Event[] }>('/events')).items;
  }

  /** The calls of a pod that the kubelet made. */
  trace(namespace: string, pod: string): Promise<PodTrace> {
    return this.#json<PodTrace>(`/trace/${path(namespace, pod)}`);
  }

  /** How far a pod has come, and what it waits for. */
  explain(namespace: string, pod: string): Promise<Explanation> {
    return this.#json<Explanation>(`/explain/${path(namespace, pod)}`);
  }

  /** A container's log as it comes; ends with the log, or by `signal`. `query` as kubelet's route takes it: follow, tailLines, previous. */
  async logs(
    namespace: string,
    pod: string,
    container: string,
    query: Record<string, string>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#request(`/containerLogs/${path(namespace, pod, container)}?${new URLSearchParams(query)}`, { signal })).body;
  }

  /** Runs a command in a running container to its end. */
  async execSync(namespace: string, pod: string, container: string, command: string[], signal: AbortSignal): Promise<CommandResult> {
    const query = new URLSearchParams(command.map((word): [string, string] => ['command', word]));
    const options = { method: 'POST', headers: { accept: 'application/json' }, signal } as const;
    const { body } = await this.#request(`/run/${path(namespace, pod, container)}?${query}`, options);
    const { stdout, stderr, exitCode } = (await body.json()) as ExecSyncResult;
    return { stdout: Buffer.from(stdout, 'base64'), stderr: Buffer.from(stderr, 'base64'), exitCode };
  }

  /** A WebSocket of v5.channel.k8s.io or v4 with a process of a container; `query` as kubelet's routes take it: command, input, output, error, tty. */
  async session(kind: 'exec' | 'attach', namespace: string, pod: string, container: string, query: [string, string][]): Promise<WebSocket> {
    this.#checkRunning();
    return openWebSocket(this.#socket, `/${kind}/${path(namespace, pod, container)}?${new URLSearchParams(query)}`);
  }

  /** A SPDY connection that carries connections to ports of a pod. */
  async portForward(namespace: string, pod: string): Promise<SpdyConnection> {
    this.#checkRunning();
    return openSpdy(this.#socket, `/portForward/${path(namespace, pod)}`, 'portforward.k8s.io');
  }

  /** GET of a route that answers JSON. */
  async #json<Body>(path: string): Promise<Body> {
    const { body } = await this.#request(path, { signal: AbortSignal.timeout(timeoutMs) });
    return (await body.json()) as Body;
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #request(path: string, options: RequestOptions): Promise<Awaited<ReturnType<typeof request>>> {
    this.#checkRunning();
    const all = { ...options, dispatcher: this.#agent, headersTimeout: 0, bodyTimeout: 0 };
    const response = await request(`http://kubelet${path}`, all).catch((error: Error) => {
      throw this.#notRunning(error);
    });
    if (response.statusCode === 200) return response;
    const text = (await response.body.text()).trim();
    throw new PluginError(response.statusCode === 404 ? 'NOT_FOUND' : 'UNKNOWN', text || `the node answered ${response.statusCode}`);
  }

  #checkRunning(): void {
    if (!isSocket(this.#socket)) throw this.#notRunning();
  }

  #notRunning(cause?: Error): PluginError {
    const hint = 'start one with "berth run -f FILE", or name its run directory with --run';
    return new PluginError('UNAVAILABLE', 'no node answers', { object: this.#socket, hint, cause });
  }
}

function path(...parts: string[]): string {
  return parts.map(encodeURIComponent).join('/');
}
