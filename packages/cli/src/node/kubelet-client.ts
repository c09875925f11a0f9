import { PluginError } from '@berth/sdk/errors';
import { Agent, request } from 'undici';
import { type Directories, isSocket, kubeletSocket } from '../configuration/directories.ts';

const timeoutMs = 10_000;

/** Asks a running node over its kubelet's HTTP server on RUN/kubelet.sock. */
export class KubeletClient {
  private readonly socket: string;
  private readonly agent: Agent;

  constructor(directories: Directories) {
    this.socket = kubeletSocket(directories);
    this.agent = new Agent({ connect: { socketPath: this.socket } });
  }

  /** GET of a route that answers JSON. */
  async json<Body>(path: string): Promise<Body> {
    const { body } = await this.get(path, AbortSignal.timeout(timeoutMs));
    return (await body.json()) as Body;
  }

  /** GET of a route that answers text as it comes (logs); ends with the answer or by `signal`. */
  async stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return (await this.get(path, signal)).body;
  }

  async close(): Promise<void> {
    await this.agent.close();
  }

  private async get(path: string, signal: AbortSignal): Promise<Awaited<ReturnType<typeof request>>> {
    if (!isSocket(this.socket)) throw this.notRunning();
    const response = await request(`http://kubelet${path}`, { dispatcher: this.agent, signal, bodyTimeout: 0 }).catch((error: Error) => {
      throw this.notRunning(error);
    });
    if (response.statusCode === 200) return response;
    const text = (await response.body.text()).trim();
    throw new PluginError(response.statusCode === 404 ? 'NOT_FOUND' : 'UNKNOWN', text || `the node answered ${response.statusCode}`);
  }

  private notRunning(cause?: Error): PluginError {
    const hint = 'start one with "berth run -f FILE", or name its run directory with --run';
    return new PluginError('UNAVAILABLE', 'no node answers', { object: this.socket, hint, cause });
  }
}
