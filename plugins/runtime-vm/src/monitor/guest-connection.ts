import type { Socket } from 'node:net';
import { type Code, PluginError } from '@berth/sdk/errors';
import { type Exited, GuestFrame, HostFrame, type Output, type Request, type Stream } from '@berth/sdk/guest';
import { FrameReader, frame } from '../guest/frames.ts';

/** Who takes what a process of the guest puts out. Each call waits for the one before it. */
export interface ProcessSink {
  /** Resolves when there is room for as much again. */
  output(stream: Stream, data: Uint8Array): Promise<void>;
  exited(exited: Exited): Promise<void>;
}

/** Longest that any call into the guest may take; making a container is the longest of them, emulated on a busy host. */
const defaultDeadlineMs = 60_000;

/** The monitor's end of the port to the guest's agent. */
export class GuestConnection {
  /** Resolves with the kernel's release once the agent is there; rejects if the connection ends before. */
  readonly ready: Promise<string>;
  readonly #socket: Socket;
  readonly #ready = Promise.withResolvers<string>();
  readonly #calls = new Map<number, PromiseWithResolvers<void>>();
  readonly #sinks = new Map<string, { sink: ProcessSink; done: Promise<void> }>();
  readonly #failed: (error: PluginError) => void;
  #lastId = 0;
  #closed: PluginError | undefined;

  /** `failed`: told of what makes the guest unusable. */
  constructor(socket: Socket, failed: (error: PluginError) => void) {
    this.#socket = socket;
    this.#failed = failed;
    this.ready = this.#ready.promise;
    this.ready.catch(() => undefined);
    const reader = new FrameReader();
    socket.on('data', (chunk) => this.#received(reader, chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => this.close(new PluginError('UNAVAILABLE', 'its connection has ended', { object: 'guest' })));
  }

  /** Makes a call, and throws what the agent answers if that is a failure. */
  async call(call: NonNullable<Request['call']>, deadlineMs = defaultDeadlineMs): Promise<void> {
    if (this.#closed) throw this.#closed;
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<void>();
    this.#calls.set(id, answer);
    const timer = setTimeout(() => answer.reject(overdue(call.$case, deadlineMs)), deadlineMs);
    try {
      this.#send({ $case: 'request', value: { id, call } });
      await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#calls.delete(id);
    }
  }

  /** Output and end of the process go to `sink`, until it has ended. */
  route(processId: string, sink: ProcessSink): void {
    this.#sinks.set(processId, { sink, done: Promise.resolve() });
  }

  forget(processId: string): void {
    this.#sinks.delete(processId);
  }

  /** Fails all calls that wait, and those to come. Resolves when what has arrived is taken. */
  async close(reason: PluginError): Promise<void> {
    this.#closed ??= reason;
    this.#socket.destroy();
    this.#ready.reject(this.#closed);
    for (const { reject } of this.#calls.values()) reject(this.#closed);
    await Promise.all([...this.#sinks.values()].map(({ done }) => done));
  }

  #received(reader: FrameReader, chunk: Buffer): void {
    try {
      for (const message of reader.push(chunk)) this.#take(GuestFrame.decode(message));
    } catch (error) {
      this.#failed(PluginError.from(error));
    }
  }

  #take({ body }: GuestFrame): void {
    switch (body?.$case) {
      case 'ready':
        this.#ready.resolve(body.value.kernelRelease);
        return;
      case 'response': {
        const { id, failure } = body.value;
        const answer = this.#calls.get(id);
        if (failure) answer?.reject(new PluginError(failure.code as Code, failure.message));
        else answer?.resolve();
        return;
      }
      case 'output':
        this.#inOrder(body.value.process, (sink) => this.#output(sink, body.value));
        return;
      case 'exited':
        this.#inOrder(body.value.process, async (sink) => {
          await sink.exited(body.value);
          this.forget(body.value.process);
        });
    }
  }

  #inOrder(processId: string, work: (sink: ProcessSink) => Promise<void>): void {
    const entry = this.#sinks.get(processId);
    if (entry) entry.done = entry.done.then(() => work(entry.sink)).catch((error: unknown) => this.#failed(PluginError.from(error)));
  }

  async #output(sink: ProcessSink, { process, stream, data }: Output): Promise<void> {
    await sink.output(stream, data);
    this.#send({ $case: 'credit', value: { process, stream, bytes: data.length } });
  }

  #send(body: HostFrame['body']): void {
    if (!this.#closed) this.#socket.write(frame(HostFrame.encode({ body }).finish()));
  }
}

function overdue(call: string, deadlineMs: number): PluginError {
  return new PluginError('DEADLINE_EXCEEDED', `no answer to ${call} within ${deadlineMs / 1000} s`, { object: 'guest' });
}
