import { PluginError } from '@berth/sdk/errors';
import { type Exited, Stream } from '@berth/sdk/guest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GuestAgent } from '../../testing/guest-agent.ts';
import { initialWindow } from '../guest/window.ts';
import type { GuestConnection, ProcessSink } from './guest-connection.ts';

let agent: GuestAgent;
let guest: GuestConnection;

beforeEach(async () => {
  agent = await GuestAgent.connect();
  guest = agent.connection;
});

afterEach(() => agent.close());

/** Has room for nothing more until `open` is called. */
class Gate implements ProcessSink {
  readonly told: (string | Exited)[] = [];
  private readonly opened = Promise.withResolvers<void>();

  open(): void {
    this.opened.resolve();
  }

  async output(_stream: Stream, data: Uint8Array): Promise<void> {
    this.told.push(Buffer.from(data).toString());
    await this.opened.promise;
  }

  async exited(exited: Exited): Promise<void> {
    this.told.push(exited);
  }
}

const output = (data: string | Uint8Array) =>
  ({ $case: 'output', value: { process: 'p', stream: Stream.STREAM_STDOUT, data: Buffer.from(data) } }) as const;

describe('GuestConnection', () => {
  it('gives each call its own answer, whatever the order', async () => {
    const calls = [guest.call({ $case: 'sync', value: {} }), guest.call({ $case: 'startContainer', value: { id: 'c' } })];
    await expect.poll(() => agent.received).toHaveLength(2);
    agent.say({ $case: 'response', value: { id: 2, failure: { code: 'NOT_FOUND', message: 'no container' } } });
    agent.say({ $case: 'response', value: { id: 1 } });
    await expect(calls[0]).resolves.toMatchObject({ id: 1 });
    await expect(calls[1]).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'no container' });
  });

  it('names the call that gets no answer in time', async () => {
    await expect(guest.call({ $case: 'ping', value: { now: 0n } }, { deadlineMs: 10 })).rejects.toThrow(
      'guest: no answer to ping within 0.01 s',
    );
  });

  it('waits no longer than its caller', async () => {
    const caller = new AbortController();
    const call = guest.call({ $case: 'sync', value: {} }, { signal: caller.signal });
    caller.abort(new PluginError('CANCELLED', 'given up'));
    await expect(call).rejects.toThrow('given up');
    await expect(guest.call({ $case: 'sync', value: {} }, { signal: caller.signal })).rejects.toThrow('given up');
    await expect.poll(() => agent.calls).toEqual(['sync']);
  });

  it('fails what waits for an answer, and what comes later, with why the guest is gone', async () => {
    const call = guest.call({ $case: 'sync', value: {} });
    const gone = new PluginError('UNAVAILABLE', 'QEMU was killed');
    await Promise.all([guest.close(gone), expect(call).rejects.toBe(gone)]);
    await expect(guest.call({ $case: 'sync', value: {} })).rejects.toBe(gone);
  });

  it('hands on output and end of a process in their order, waiting for none, and grants what has been taken', async () => {
    const gate = new Gate();
    guest.route('p', gate);
    agent.say(output('one'));
    agent.say(output('two'));
    agent.say({ $case: 'exited', value: { process: 'p', exitCode: 3, oom: false } });
    await expect.poll(() => gate.told).toEqual(['one', 'two', { process: 'p', exitCode: 3, oom: false }]);
    expect(agent.received).toEqual([]);
    gate.open();
    await expect.poll(() => agent.received.map((body) => body?.$case === 'credit' && body.value.bytes)).toEqual([3, 3]);
  });

  it('does not take more of a process than was granted', async () => {
    const gate = new Gate();
    guest.route('p', gate);
    agent.say(output(Buffer.alloc(initialWindow)));
    agent.say(output('one more'));
    await expect.poll(() => agent.failures.map(({ message }) => message)).toEqual(['guest: it sent more output than it was granted']);
    gate.open();
  });
});
