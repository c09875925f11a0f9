import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { type Exited, GuestFrame, HostFrame, Stream } from '@berth/sdk/guest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameReader, frame } from '../guest/frames.ts';
import { initialWindow } from '../guest/window.ts';
import { GuestConnection, type ProcessSink } from './guest-connection.ts';

let directory: string;
let agent: Socket;
let guest: GuestConnection;
let failures: PluginError[];
let received: HostFrame['body'][];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-guest-'));
  const server = createServer().listen(join(directory, 'socket'));
  agent = connect(join(directory, 'socket'));
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  failures = [];
  received = [];
  guest = new GuestConnection(socket, (error) => failures.push(error));
  const reader = new FrameReader();
  agent.on('data', (chunk) => received.push(...reader.push(chunk).map((message) => HostFrame.decode(message).body)));
});

afterEach(async () => {
  await guest.close(new PluginError('CANCELLED', 'the test has ended'));
  agent.destroy();
  rmSync(directory, { recursive: true });
});

function say(body: GuestFrame['body']): void {
  agent.write(frame(GuestFrame.encode({ body }).finish()));
}

/** Takes nothing until `open` is called. */
class Gate implements ProcessSink {
  readonly taken: (string | Exited)[] = [];
  private readonly opened = Promise.withResolvers<void>();

  open(): void {
    this.opened.resolve();
  }

  async output(_stream: Stream, data: Uint8Array): Promise<void> {
    await this.opened.promise;
    this.taken.push(Buffer.from(data).toString());
  }

  async exited(exited: Exited): Promise<void> {
    this.taken.push(exited);
  }
}

const output = (data: string | Uint8Array) =>
  ({ $case: 'output', value: { process: 'p', stream: Stream.STREAM_STDOUT, data: Buffer.from(data) } }) as const;

describe('GuestConnection', () => {
  it('gives each call its own answer, whatever the order', async () => {
    const calls = [guest.call({ $case: 'sync', value: {} }), guest.call({ $case: 'startContainer', value: { id: 'c' } })];
    await expect.poll(() => received).toHaveLength(2);
    say({ $case: 'response', value: { id: 2, failure: { code: 'NOT_FOUND', message: 'no container' } } });
    say({ $case: 'response', value: { id: 1 } });
    await expect(calls[0]).resolves.toMatchObject({ id: 1 });
    await expect(calls[1]).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'no container' });
  });

  it('names the call that gets no answer in time', async () => {
    await expect(guest.call({ $case: 'ping', value: { now: 0n } }, 10)).rejects.toThrow('guest: no answer to ping within 0.01 s');
  });

  it('fails what waits for an answer, and what comes later, with why the guest is gone', async () => {
    const call = guest.call({ $case: 'sync', value: {} });
    const gone = new PluginError('UNAVAILABLE', 'QEMU was killed');
    await Promise.all([guest.close(gone), expect(call).rejects.toBe(gone)]);
    await expect(guest.call({ $case: 'sync', value: {} })).rejects.toBe(gone);
  });

  it('hands on output and end of a process in their order, and grants what has been taken', async () => {
    const gate = new Gate();
    guest.route('p', gate);
    say(output('one'));
    say(output('two'));
    say({ $case: 'exited', value: { process: 'p', exitCode: 3, oom: false } });
    gate.open();
    await expect.poll(() => gate.taken).toEqual(['one', 'two', { process: 'p', exitCode: 3, oom: false }]);
    await expect.poll(() => received.map((body) => body?.$case === 'credit' && body.value.bytes)).toEqual([3, 3]);
  });

  it('does not take more of a process than was granted', async () => {
    const gate = new Gate();
    guest.route('p', gate);
    say(output(Buffer.alloc(initialWindow)));
    say(output('one more'));
    await expect.poll(() => failures.map(({ message }) => message)).toEqual(['guest: it sent more output than it was granted']);
    gate.open();
  });
});
