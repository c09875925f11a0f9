import { Duplex, Readable, Writable } from 'node:stream';
import type { Client } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import { DialRequest, type ExecEvent, type MachineMonitorService, WriteRequest } from '@berth/sdk/machine-monitor';

/** A connection to a TCP port on a machine's loopback, carried by its monitor and its agent. Throws UNAVAILABLE where nothing listens. */
export async function dialMachine(monitor: Client<MachineMonitorService>, port: number, signal: AbortSignal): Promise<Duplex> {
  const closed = new AbortController();
  const giveUp = (): void => closed.abort(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const output = monitor.dial(DialRequest.create({ port }), { signal: closed.signal })[Symbol.asyncIterator]();
    const first = await output.next();
    const event = first.done ? undefined : first.value.event;
    if (event?.$case !== 'started') throw new PluginError('UNAVAILABLE', 'its machine has ended', { object: `port ${port}` });
    const connection = Duplex.from({ readable: Readable.from(dataOf(output)), writable: inputOf(monitor, event.value.id, closed.signal) });
    return connection.once('close', () => closed.abort());
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

async function* dataOf(output: AsyncIterator<ExecEvent>): AsyncGenerator<Uint8Array> {
  for (let next = await output.next(); !next.done; next = await output.next()) {
    if (next.value.event?.$case !== 'stdout') continue;
    // The end of what comes from there: the other direction may go on.
    if (next.value.event.value.length === 0) return;
    yield next.value.event.value;
  }
}

function inputOf(monitor: Client<MachineMonitorService>, process: string, signal: AbortSignal): Writable {
  const send = (request: Partial<WriteRequest>, done: (error?: Error | null) => void): void => {
    const options = { signal, deadlineMs: Number.POSITIVE_INFINITY };
    monitor.write(WriteRequest.create({ process, ...request }), options).then(() => done(), done);
  };
  return new Writable({
    write: (data: Buffer, _encoding, done) => send({ data }, done),
    final: (done) => send({ end: true }, done),
  });
}
