import { once } from 'node:events';
import { PluginError } from '@berth/sdk/errors';
import WebSocket from 'ws';

/** The channels of a remote command (kubernetes, remotecommand constants). */
export const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

const commandProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const portProtocols = ['v4.channel.k8s.io'];
const handshakeTimeoutMs = 10_000;
/** v5: closes the channel whose number follows. */
const closeChannel = 255;

/** How a command ended, as the error channel says it (metav1.Status). */
interface EndStatus {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** The exit code that the last word of a command tells, whatever carries it. */
export function exitCodeIn(text: string): number {
  if (text === '') throw new Error('no status came on the error stream');
  const status = JSON.parse(text) as EndStatus;
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code === undefined) throw new Error(`no exit code in ${text}`);
  return Number(code);
}

/** A WebSocket with numbered channels: each message begins with a byte that says which one it is for. */
export class Channels {
  readonly #socket: WebSocket;
  readonly #received = new Map<number, Buffer[]>();
  readonly #ended: Promise<unknown>;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#ended = once(socket, 'close');
    this.#ended.catch(() => undefined);
    socket.on('message', (data: Buffer) => this.#take(data));
    socket.on('close', () => this.#changed.resolve());
    socket.on('error', () => this.#changed.resolve());
  }

  /** Opens the URL that Exec, Attach or PortForward answered; throws how the server refused it. */
  static async open(url: string, kind: 'command' | 'port', signal: AbortSignal): Promise<Channels> {
    const protocols = kind === 'command' ? commandProtocols : portProtocols;
    const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, { handshakeTimeout: handshakeTimeoutMs, perMessageDeflate: false });
    const channels = new Channels(socket);
    const abort = (): void => socket.terminate();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    try {
      await once(socket, 'open');
      return channels;
    } catch (error) {
      throw PluginError.from(error, 'UNAVAILABLE', { object: new URL(url).origin });
    }
  }

  /** The subprotocol that the server chose. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  send(to: number, data: string | Uint8Array): void {
    this.#socket.send(Buffer.concat([Buffer.from([to]), Buffer.from(data)]));
  }

  /** Says that no more comes on a channel, which v5 can; false where the protocol can't. */
  closeChannel(number: number): boolean {
    if (this.protocol !== 'v5.channel.k8s.io') return false;
    this.#socket.send(Buffer.from([closeChannel, number]));
    return true;
  }

  /** All that came on a channel so far. */
  received(from: number): Buffer {
    return Buffer.concat(this.#received.get(from) ?? []);
  }

  /** Waits until what came on a channel matches; throws what came if the server ends first. */
  async receives(from: number, pattern: RegExp): Promise<string> {
    for (;;) {
      const text = this.received(from).toString();
      if (pattern.test(text)) return text;
      if (this.#socket.readyState !== WebSocket.OPEN)
        throw new Error(`the stream ended with ${JSON.stringify(text)} instead of ${pattern}`);
      await this.#changed.promise;
    }
  }

  /** Waits for the end of a command, and gives its exit code. */
  async exitCode(): Promise<number> {
    await this.#ended;
    return exitCodeIn(this.received(channel.error).toString());
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(data: Buffer): void {
    const [number = 0] = data;
    const parts = this.#received.get(number) ?? [];
    parts.push(data.subarray(1));
    this.#received.set(number, parts);
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}
