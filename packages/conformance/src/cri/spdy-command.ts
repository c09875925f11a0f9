import { exitCodeIn } from './channels.ts';
import { SpdyClient } from './spdy-client.ts';
import type { Streams } from './streams.ts';

type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';

/** A remote command over SPDY, with a stream of its own for each thing, opened in kubectl's order. */
export class SpdyCommand {
  readonly #client: SpdyClient;
  readonly #streams: ReadonlyMap<StreamType, number>;

  private constructor(client: SpdyClient, streams: ReadonlyMap<StreamType, number>) {
    this.#client = client;
    this.#streams = streams;
  }

  /** Opens the URL that Exec or Attach answered, for the streams that were asked for; throws how the server refused it. */
  static async open(url: string, { stdin, stdout, stderr, tty }: Streams, signal: AbortSignal): Promise<SpdyCommand> {
    const client = await SpdyClient.open(url, 'v4.channel.k8s.io', { signal });
    const wanted: Record<StreamType, boolean | undefined> = { error: true, stdin, stdout, stderr, resize: tty };
    const streams = new Map<StreamType, number>();
    for (const type of Object.keys(wanted) as StreamType[]) {
      if (wanted[type]) streams.set(type, await client.openStream({ streamtype: type }));
    }
    return new SpdyCommand(client, streams);
  }

  /** `last`: nothing more is sent on this stream. */
  send(to: 'stdin' | 'resize', data: string, last = false): void {
    this.#client.send(this.#stream(to), data, last);
  }

  received(from: 'stdout' | 'stderr'): string {
    return this.#client.received(this.#stream(from));
  }

  /** Waits until what came on a stream matches. */
  receives(from: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
    return this.#client.receives(this.#stream(from), pattern);
  }

  /** Waits for the end of the command and of its output, and gives its exit code. */
  async exitCode(): Promise<number> {
    const awaited = (['error', 'stdout', 'stderr'] as const).filter((type) => this.#streams.has(type));
    await this.#client.ended(awaited.map((type) => this.#stream(type)));
    return exitCodeIn(this.#client.received(this.#stream('error')));
  }

  close(): void {
    this.#client.close();
  }

  #stream(type: StreamType): number {
    const id = this.#streams.get(type);
    if (id === undefined) throw new Error(`the command was asked for without ${type}`);
    return id;
  }
}
