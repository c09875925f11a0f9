import { PassThrough, type Readable, Writable } from 'node:stream';
import { unlessAborted } from '@berth/sdk/abort';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CommandStatus } from './command-status.ts';
import { type ClientStreams, type RemoteCommand, serveRemoteCommand } from './remote-command.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;

/** Takes one piece of output, and the next ones only when `take` is called. */
class SlowClient implements ClientStreams {
  readonly stdin: Readable | undefined = undefined;
  readonly stderr = undefined;
  readonly resize = undefined;
  readonly gone = never;
  readonly stdout: Writable;
  readonly taken: string[] = [];
  status: CommandStatus | undefined;
  take: () => void = () => undefined;

  constructor() {
    this.stdout = new Writable({
      write: (chunk, _encoding, done) => {
        this.taken.push(String(chunk));
        this.take = done;
      },
    });
  }

  async finish(status: CommandStatus): Promise<void> {
    this.status = status;
  }
}

/** Prints two pieces, each when the one before it has been taken, and goes on until it is told to end. */
function printing(kind: RemoteCommand['kind']): RemoteCommand & { printed: string[] } {
  const printed: string[] = [];
  return {
    kind,
    object: 'container main',
    streams: { stdin: false, stdout: true, stderr: false, tty: false },
    printed,
    async run({ stdout }, signal) {
      for (const text of ['one', 'two']) {
        await new Promise<void>((resolve) => stdout.write(text, () => resolve()));
        printed.push(text);
      }
      return unlessAborted(new Promise<number>(() => undefined), signal);
    },
  };
}

describe('an attached client that takes no output', () => {
  it('is cut off after 10 seconds, and holds up the container no longer', async () => {
    const [client, command] = [new SlowClient(), printing('attach')];
    const served = serveRemoteCommand(command, client, never);
    const refused = expect(served).rejects.toThrow('attach to container main: its client has taken no output for 10 s');
    await vi.advanceTimersByTimeAsync(9999);
    expect(command.printed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await refused;
    expect(command.printed).toEqual(['one', 'two']);
    expect(client.status).toBeUndefined();
  });

  it('has as long for each piece', async () => {
    const [client, command] = [new SlowClient(), printing('attach')];
    const stop = new AbortController();
    const served = serveRemoteCommand(command, client, stop.signal);
    for (const _piece of ['one', 'two']) {
      await vi.advanceTimersByTimeAsync(9000);
      client.take();
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(command.printed).toEqual(['one', 'two']);
    stop.abort();
    await served;
    expect(client.status).toMatchObject({ status: 'Failure' });
  });
});

describe('a client that takes no output of a command', () => {
  it('holds that up for as long as it likes: nobody else waits for it', async () => {
    const [client, command] = [new SlowClient(), printing('exec')];
    const stop = new AbortController();
    const served = serveRemoteCommand(command, client, stop.signal);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([command.printed, client.taken]).toEqual([[], ['one']]);
    client.take();
    await vi.advanceTimersByTimeAsync(0);
    client.take();
    stop.abort();
    await served;
    expect(client.taken).toEqual(['one', 'two']);
  });
});

describe('input', () => {
  it('ends with the client', async () => {
    const stdin = new PassThrough();
    const client = Object.assign(new SlowClient(), { stdin });
    let seen = '';
    const command: RemoteCommand = {
      ...printing('exec'),
      async run(streams) {
        for await (const chunk of streams.stdin ?? []) seen += chunk;
        return 0;
      },
    };
    const served = serveRemoteCommand(command, client, never);
    stdin.write('some');
    await vi.advanceTimersByTimeAsync(0);
    stdin.destroy();
    await served;
    expect([seen, client.status?.status]).toEqual(['some', 'Success']);
  });
});
