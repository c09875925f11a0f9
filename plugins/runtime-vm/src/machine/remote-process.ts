import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { onAbort } from '@berth/sdk/abort';
import type { Client } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import { AttachRequest, type ExecEvent, ExecRequest, type MachineMonitorService, WriteRequest } from '@berth/sdk/machine-monitor';
import type { ProcessStreams } from '@berth/shim/runtime';

const SIGKILL = 9;

/** Longest that a killed process may take to be gone. */
const killDeadlineMs = 10_000;

/** Longest that a process may take to see the end of its input. */
const endDeadlineMs = 5000;

/**
 * Runs a process in a container, and gives its exit code once `streams` have all that it printed. `signal` kills it: it has ended when
 * this rejects for that.
 */
export async function execInMachine(
  monitor: Client<MachineMonitorService>,
  { container, args }: { container: string; args: string[] },
  streams: ProcessStreams,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const { stdin } = streams;
  const request = ExecRequest.create({ container, args, stdin: stdin !== undefined });
  const begun = Promise.withResolvers<string>();
  const abandoned = new AbortController();
  let killing: NodeJS.Timeout | undefined;
  const release = onAbort([signal], (reason) => {
    void begun.promise
      .then((id) => monitor.signalContainer({ id, number: SIGKILL }, { deadlineMs: killDeadlineMs }))
      .catch(() => undefined);
    killing = setTimeout(() => abandoned.abort(reason), killDeadlineMs);
  });
  if (stdin) void begun.promise.then((id) => feed(monitor, id, stdin, true));
  try {
    // Not ended by `signal`, but by the end of the process, which that kills.
    const exitCode = await relay(monitor.exec(request, { signal: abandoned.signal }), streams, abandoned.signal, begun.resolve);
    signal.throwIfAborted();
    if (exitCode !== undefined) return exitCode;
    throw new PluginError('UNAVAILABLE', 'it has not said how the command ended', { object: 'monitor of the machine' });
  } finally {
    release();
    clearTimeout(killing);
    stdin?.destroy();
  }
}

/** Joins `streams` to a container's first process until that ends. `endsInput`: the end of `streams.stdin` is that of its input. */
export async function attachInMachine(
  monitor: Client<MachineMonitorService>,
  { container, endsInput }: { container: string; endsInput: boolean },
  streams: ProcessStreams,
  signal: AbortSignal,
): Promise<void> {
  const { stdin } = streams;
  if (stdin) void feed(monitor, container, stdin, endsInput);
  try {
    await relay(monitor.attach(AttachRequest.create({ container }), { signal }), streams, signal);
  } finally {
    stdin?.destroy();
  }
}

/** Brings input to a process until one of them ends, or the connection to the monitor is closed. */
async function feed(monitor: Client<MachineMonitorService>, process: string, stdin: Readable, endsInput: boolean): Promise<void> {
  try {
    for await (const data of stdin) {
      await monitor.write(WriteRequest.create({ process, data: data as Buffer }), { deadlineMs: Number.POSITIVE_INFINITY });
    }
  } catch {
    // Who wrote has gone, or the machine: the end of the output follows.
  } finally {
    const end = WriteRequest.create({ process, end: true });
    if (endsInput) await monitor.write(end, { deadlineMs: endDeadlineMs }).catch(() => undefined);
  }
}

/** Writes what a process prints as it comes, and gives its exit code; undefined if the events end without one. */
async function relay(
  events: AsyncIterable<ExecEvent>,
  { stdout, stderr }: ProcessStreams,
  signal: AbortSignal,
  started?: (id: string) => void,
): Promise<number | undefined> {
  for await (const { event } of events) {
    if (event?.$case === 'started') started?.(event.value.id);
    if (event?.$case === 'stdout') await write(stdout, event.value, signal);
    if (event?.$case === 'stderr') await write(stderr, event.value, signal);
    if (event?.$case === 'exitCode') return event.value;
  }
  return undefined;
}

/** Resolves when the stream wants more. */
async function write(stream: Writable, data: Uint8Array, signal: AbortSignal): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain', { signal });
}
