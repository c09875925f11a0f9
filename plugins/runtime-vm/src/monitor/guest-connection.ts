import type { Socket } from 'node:net';
import { onAbort } from '@berth/sdk/abort';
import { type Code, PluginError } from '@berth/sdk/errors';
import { type Exited, GuestFrame, HostFrame, type Output, type Request, type Response, type Stream } from '@berth/sdk/guest';
import { FrameReader, frame } from '../guest/frames.ts';
import { initialWindow } from '../guest/window.ts';

/**
 * Who takes what a process of the guest puts out, in the order of the calls: none of them waits for the one before it, so that the end is
 * told also where output waits to be taken. What waits is bounded by what the guest is granted.
 */
export interface ProcessSink {
  /** Resolves when there is room for as much again. */
  output(stream: Stream, data: Uint8Array): Promise<void>;
  exited(exited: Exited): Promise<void>;
}

/** Where what one process puts out goes. */
interface Route {
  sink: ProcessSink;
  /** When everything up to the last frame has been taken. */
  done: Promise<unknown>;
  /** Bytes of each stream that `sink` hasn't taken yet. */
  untaken: Map<Stream, number>;
}

export interface CallOptions {
  /** Default 60 seconds. */
  deadlineMs?: number;
  /** Ends the wait for the answer, and not what the guest does meanwhile. */
  signal?: AbortSignal;
}

/** Longest that any call into the guest may take; making a container is the longest of them, emulated on a busy host. */
const defaultDeadlineMs = 60_000;

/** The monitor's end of the port to the guest's agent. */
export class GuestConnection {
  /** Resolves with the kernel's release once the agent is there; rejects if the connection is closed before. */
  readonly ready: Promise<string>;
  readonly #socket: Socket;
  readonly #ready = Promise.withResolvers<string>();
  readonly #calls = new Map<number, PromiseWithResolvers<Response>>();
  readonly #routes = new Map<string, Route>();
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
  }

  /** Makes a call, and gives what the agent answers; throws that if it is a failure. */
  async call(call: NonNullable<Request['call']>, { deadlineMs = defaultDeadlineMs, signal }: CallOptions = {}): Promise<Response> {
    if (this.#closed) throw this.#closed;
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Response>();
    this.#calls.set(id, answer);
    const timer = setTimeout(() => answer.reject(overdue(call.$case, deadlineMs)), deadlineMs);
    const release = onAbort([signal], answer.reject);
    try {
      this.#send({ $case: 'request', value: { id, call } });
      return await answer.promise;
    } finally {
      release();
      clearTimeout(timer);
      this.#calls.delete(id);
    }
  }

  /** Output and end of the process go to `sink`, until it has ended. */
  route(processId: string, sink: ProcessSink): void {
    this.#routes.set(processId, { sink, done: Promise.resolve(), untaken: new Map() });
  }

  forget(processId: string): void {
    this.#routes.delete(processId);
  }

  /** Fails all calls that wait, and those to come. Resolves when what has arrived is taken. */
  async close(reason: PluginError): Promise<void> {
    this.#closed ??= reason;
    this.#socket.destroy();
    this.#ready.reject(this.#closed);
    for (const { reject } of this.#calls.values()) reject(this.#closed);
    await Promise.all([...this.#routes.values()].map(({ done }) => done));
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
        else answer?.resolve(body.value);
        return;
      }
      case 'output':
        this.#output(body.value);
        return;
      case 'exited':
        this.#handOn(body.value.process, async ({ sink }) => {
          await sink.exited(body.value);
          this.forget(body.value.process);
        });
    }
  }

  #handOn(processId: string, work: (route: Route) => Promise<void>): void {
    const route = this.#routes.get(processId);
    if (!route) return;
    const taken = work(route).catch((error: unknown) => this.#failed(PluginError.from(error)));
    route.done = Promise.all([route.done, taken]);
  }

  #output({ process, stream, data }: Output): void {
    const untaken = this.#routes.get(process)?.untaken;
    const waiting = (untaken?.get(stream) ?? 0) + data.length;
    // A guest is not trusted with this process's memory.
    if (waiting > initialWindow)
      throw new PluginError('RESOURCE_EXHAUSTED', 'it sent more output than it was granted', { object: 'guest' });
    untaken?.set(stream, waiting);
    this.#handOn(process, async ({ sink, untaken: left }) => {
      await sink.output(stream, data);
      left.set(stream, (left.get(stream) ?? 0) - data.length);
      this.#send({ $case: 'credit', value: { process, stream, bytes: data.length } });
    });
  }

  #send(body: HostFrame['body']): void {
    if (!this.#closed) this.#socket.write(frame(HostFrame.encode({ body }).finish()));
  }
}

function overdue(call: string, deadlineMs: number): PluginError {
  return new PluginError('DEADLINE_EXCEEDED', `no answer to ${call} within ${deadlineMs / 1000} s`, { object: 'guest' });
}
