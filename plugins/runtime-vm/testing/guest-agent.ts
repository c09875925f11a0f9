import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { GuestFrame, HostFrame } from '@berth/sdk/guest';
import { FrameReader, frame } from '../src/guest/frames.ts';
import { GuestConnection } from '../src/monitor/guest-connection.ts';

/** The guest's end of a port, on which a test says what the agent says. */
export class GuestAgent {
  /** A folder of the test's own. */
  readonly directory: string;
  /** The monitor's end. */
  readonly connection: GuestConnection;
  /** What the monitor has sent. */
  readonly received: HostFrame['body'][] = [];
  /** Why the monitor takes the guest for unusable. */
  readonly failures: PluginError[] = [];
  private readonly port: Socket;

  private constructor(directory: string, port: Socket, monitorsEnd: Socket) {
    this.directory = directory;
    this.port = port;
    this.connection = new GuestConnection(monitorsEnd, (error) => this.failures.push(error));
    const reader = new FrameReader();
    port.on('data', (chunk) => this.received.push(...reader.push(chunk).map((message) => HostFrame.decode(message).body)));
  }

  static async connect(): Promise<GuestAgent> {
    const directory = mkdtempSync(join(tmpdir(), 'berth-guest-'));
    const path = join(directory, 'socket');
    const server = createServer().listen(path);
    const port = connect(path);
    const [monitorsEnd] = (await once(server, 'connection')) as [Socket];
    server.close();
    return new GuestAgent(directory, port, monitorsEnd);
  }

  say(body: GuestFrame['body']): void {
    this.port.write(frame(GuestFrame.encode({ body }).finish()));
  }

  /** The names of the calls so far. */
  get calls(): string[] {
    return this.received.flatMap((body) => (body?.$case === 'request' && body.value.call ? [body.value.call.$case] : []));
  }

  /** Answers the last call of this name that the monitor has made. */
  answer(name: string, failure?: { code: string; message: string }): void {
    const call = this.received.findLast((body) => body?.$case === 'request' && body.value.call?.$case === name);
    if (call?.$case !== 'request') throw new Error(`${name} was not called`);
    this.say({ $case: 'response', value: { id: call.value.id, failure } });
  }

  async close(): Promise<void> {
    await this.connection.close(new PluginError('CANCELLED', 'the test has ended'));
    this.port.destroy();
    rmSync(this.directory, { recursive: true });
  }
}
