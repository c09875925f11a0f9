import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, type ConnectOptions, connect } from './connect.ts';
import { PluginError } from './errors.ts';
import {
  ContainerEventResponse,
  GetEventsRequest,
  RuntimeServiceService,
  StopContainerRequest,
  VersionRequest,
  VersionResponse,
} from './gen/cri.ts';
import { type Implementation, type Served, serve } from './serve.ts';
import type { CallEnd, CallStart, Replacement } from './tap.ts';
import { currentTrace, inTrace, newSpan } from './trace-context.ts';

type Runtime = Implementation<RuntimeServiceService>;

let directory: string;
let address: string;
let undo: (() => Promise<void> | void)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-connect-'));
  address = `unix://${directory}/plugin.sock`;
  undo = [() => rm(directory, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

async function plugin(implementation: Runtime, at = address): Promise<Served> {
  const served = await serve(at, [[RuntimeServiceService, implementation]]);
  undo.push(() => served.close(0));
  return served;
}

function client(options?: ConnectOptions, at = address): Client<RuntimeServiceService> {
  const made = connect(RuntimeServiceService, at, options);
  undo.push(() => made.close());
  return made;
}

function failureOf(call: Promise<unknown>): Promise<PluginError> {
  return call.then(
    (response) => {
      throw new Error(`expected a failure, got ${JSON.stringify(response)}`);
    },
    (thrown) => thrown,
  );
}

const version = VersionRequest.create({ version: 'v1' });
const answer = VersionResponse.create({ version: 'v1', runtimeName: 'test' });
const stop = StopContainerRequest.create({ containerId: 'c1' });

describe('a unary call', () => {
  it('answers over a unix socket', async () => {
    await plugin({ version: () => answer });
    expect(await client().version(version)).toEqual(answer);
  });

  it('answers over TCP, at the port that was chosen', async () => {
    const served = await plugin({ version: () => answer }, '127.0.0.1:0');
    expect(served.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(await client({}, served.address).version(version)).toEqual(answer);
  });

  it('does not go through http_proxy', async () => {
    const served = await plugin({ version: () => answer }, '127.0.0.1:0');
    process.env.http_proxy = 'http://127.0.0.1:1';
    undo.push(() => {
      delete process.env.http_proxy;
    });
    expect(await client({}, served.address).version(version)).toEqual(answer);
  });

  it('keeps int64 exact in both directions', async () => {
    const timeout = 2n ** 62n + 1n;
    let seen = 0n;
    await plugin({
      stopContainer(request) {
        seen = request.timeout;
        return {};
      },
    });
    await client().stopContainer({ ...stop, timeout });
    expect(seen).toBe(timeout);
  });

  it('carries messages of nearly 16 MiB, and names the limit beyond it', async () => {
    await plugin({ version: ({ version }) => ({ ...answer, runtimeName: version }) });
    const most = 'x'.repeat(16 * 1024 * 1024 - 100);
    expect((await client().version({ version: most })).runtimeName).toHaveLength(most.length);
    const error = await failureOf(client().version({ version: `${most}${'x'.repeat(200)}` }));
    expect(error.code).toBe('RESOURCE_EXHAUSTED');
    expect(error.message).toContain('16777216');
  });

  it('works with a proto-loader definition, on the same wire', async () => {
    await plugin({ version: () => answer });
    const proto = fileURLToPath(new URL('../../../proto/cri.proto', import.meta.url));
    const loaded = loadPackageDefinition(loadSync(proto)) as unknown as { runtime: { v1: { RuntimeService: ServiceClientConstructor } } };
    const loose = connect(loaded.runtime.v1.RuntimeService.service, address);
    undo.push(() => loose.close());
    expect(await loose.Version?.({ version: 'v1' })).toMatchObject({ runtimeName: 'test' });
  });
});

describe('a failed call', () => {
  it("keeps the plugin's code and words, and names the call", async () => {
    await plugin({
      version() {
        throw new PluginError('NOT_FOUND', 'not here', { object: 'sandbox 3f2a', hint: 'list the sandboxes' });
      },
    });
    const error = await failureOf(client().version(version));
    expect(error).toBeInstanceOf(PluginError);
    expect(error.code).toBe('NOT_FOUND');
    expect(error.object).toBe(`Version on ${address}`);
    expect(error.message).toBe(`Version on ${address}: sandbox 3f2a: not here; list the sandboxes`);
  });

  it('is INTERNAL with the message when a handler throws something nobody foresaw', async () => {
    await plugin({ version: () => Promise.reject(new TypeError('x is not a function')) });
    const error = await failureOf(client().version(version));
    expect(error.code).toBe('INTERNAL');
    expect(error.message).toContain('x is not a function');
  });

  it('keeps line breaks and non-ASCII text', async () => {
    const text = 'Zugriff verweigert: „größe“\nline two 100%';
    await plugin({ version: () => Promise.reject(new PluginError('ABORTED', text)) });
    expect((await failureOf(client().version(version))).message).toBe(`Version on ${address}: ${text}`);
  });

  it('survives a message far larger than a header may be', async () => {
    await plugin({ version: () => Promise.reject(new PluginError('ABORTED', 'ü'.repeat(1_000_000))) });
    const error = await failureOf(client().version(version));
    expect(error.code).toBe('ABORTED');
    expect(error.message).toMatch(/ü…$/);
  });

  it('names the method that the plugin leaves out', async () => {
    await plugin({});
    const error = await failureOf(client().stopContainer(stop));
    expect(error.code).toBe('UNIMPLEMENTED');
    expect(error.message).toContain('StopContainer of runtime.v1.RuntimeService');
  });

  it('says that the socket file is missing', async () => {
    const error = await failureOf(client().version(version));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toBe(`Version on ${address}: the socket file doesn't exist; is the plugin running?`);
  });

  it('says that nobody listens', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => free.once('listening', resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const error = await failureOf(client({}, `127.0.0.1:${port}`).version(version));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toBe(`Version on 127.0.0.1:${port}: nobody listens there; is the plugin running?`);
  });

  it('holds none of the words of the library below when the peer is no gRPC server', async () => {
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(`${directory}/plugin.sock`);
    undo.push(() => void other.close());
    const error = await failureOf(client({ deadlineMs: 5000 }).version(version));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).not.toMatch(/14 UNAVAILABLE|No connection established|Resolution note|LB pick/);
  });

  it('says that the connection broke when the plugin dies during the call', async () => {
    const entered = Promise.withResolvers<void>();
    const served = await plugin({
      stopContainer: () => {
        entered.resolve();
        return new Promise(() => {});
      },
    });
    const failed = failureOf(client().stopContainer(stop));
    await entered.promise;
    await served.close(0);
    const error = await failed;
    expect(['UNAVAILABLE', 'CANCELLED']).toContain(error.code);
    expect(error.message).toContain(`StopContainer on ${address}: `);
  });
});

describe('reconnecting', () => {
  it('works at once when the plugin has come back', async () => {
    const runtime = client();
    const first = await plugin({ version: () => answer });
    await runtime.version(version);
    await first.close();
    for (let call = 0; call < 3; call++) expect((await failureOf(runtime.version(version))).code).toBe('UNAVAILABLE');
    await plugin({ version: () => answer });
    const startedAt = performance.now();
    expect(await runtime.version(version)).toEqual(answer);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('fails at once while the plugin is away, however often it is called', async () => {
    const runtime = client();
    const startedAt = performance.now();
    for (let call = 0; call < 20; call++) expect((await failureOf(runtime.version(version))).code).toBe('UNAVAILABLE');
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});

describe('deadlines and signals', () => {
  const hanging: Runtime = { stopContainer: () => new Promise(() => {}) };

  it('ends a call at its deadline and says how long that was', async () => {
    await plugin(hanging);
    const error = await failureOf(client().stopContainer(stop, { deadlineMs: 30 }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect(error.message).toContain('no answer within 30 ms');
  });

  it('uses the deadline of the connection where the call names none', async () => {
    await plugin(hanging);
    expect((await failureOf(client({ deadlineMs: 30 }).stopContainer(stop))).message).toContain('30 ms');
  });

  it('ends a call to a server that accepts and says nothing', async () => {
    const silent = createServer(() => {}).listen(`${directory}/plugin.sock`);
    undo.push(() => void silent.close());
    expect((await failureOf(client().version(version, { deadlineMs: 50 }))).code).toBe('DEADLINE_EXCEEDED');
  });

  it('tells the handler of deadline and cancellation', async () => {
    const reason = Promise.withResolvers<PluginError>();
    let deadline: number | undefined;
    await plugin({
      stopContainer: (_request, context) => {
        deadline = context.deadline;
        context.signal.addEventListener('abort', () => reason.resolve(context.signal.reason));
        return new Promise(() => {});
      },
    });
    const abort = new AbortController();
    const failed = failureOf(client().stopContainer(stop, { signal: abort.signal, deadlineMs: 60_000 }));
    await expect.poll(() => deadline).toBeTypeOf('number');
    expect(Number(deadline) - Date.now()).toBeGreaterThan(50_000);
    abort.abort();
    expect((await failed).code).toBe('CANCELLED');
    expect((await reason.promise).code).toBe('CANCELLED');
  });

  it('makes no call when its signal has aborted already', async () => {
    let calls = 0;
    await plugin({
      version() {
        calls++;
        return answer;
      },
    });
    expect((await failureOf(client().version(version, { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
    expect(calls).toBe(0);
  });

  it('leaves no listener on a signal that outlives its calls', async () => {
    await plugin({ version: () => answer });
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    const runtime = client();
    for (let call = 0; call < 10; call++) await runtime.version(version, { signal });
    expect(listeners).toBe(0);
  });

  it("ends every call when the connection's signal aborts", async () => {
    await plugin(hanging);
    const abort = new AbortController();
    const runtime = client({ signal: abort.signal });
    const failed = failureOf(runtime.stopContainer(stop));
    abort.abort();
    expect((await failed).code).toBe('CANCELLED');
    expect((await failureOf(runtime.version(version))).message).toContain('the connection was closed');
  });
});

describe('a server stream', () => {
  const request = GetEventsRequest.create();
  const event = (containerId: string) => ContainerEventResponse.create({ containerId });

  it('gives every message in order and ends', async () => {
    await plugin({
      async *getContainerEvents() {
        for (const id of ['a', 'b', 'c']) yield event(id);
      },
    });
    const seen: string[] = [];
    for await (const { containerId } of client().getContainerEvents(request)) seen.push(containerId);
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('gives the messages before a failure, then the failure', async () => {
    await plugin({
      async *getContainerEvents() {
        yield event('a');
        throw new PluginError('DATA_LOSS', 'the journal is torn');
      },
    });
    const events = client().getContainerEvents(request)[Symbol.asyncIterator]();
    expect((await events.next()).value.containerId).toBe('a');
    const error = await failureOf(events.next());
    expect(error.code).toBe('DATA_LOSS');
    expect(error.message).toBe(`GetContainerEvents on ${address}: the journal is torn`);
  });

  it('tells the plugin when its consumer stops early', async () => {
    const returned = Promise.withResolvers<void>();
    await plugin({
      async *getContainerEvents(_request, { signal }) {
        try {
          yield event('a');
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        } finally {
          returned.resolve();
        }
      },
    });
    for await (const _ of client().getContainerEvents(request)) break;
    await returned.promise;
  });

  it('takes messages from the plugin no faster than the consumer takes them', async () => {
    let made = 0;
    const large = 'x'.repeat(64 * 1024);
    await plugin({
      async *getContainerEvents() {
        for (; made < 10_000; made++) yield event(large);
      },
    });
    const events = client().getContainerEvents(request)[Symbol.asyncIterator]();
    await events.next();
    let before = -1;
    await expect
      .poll(
        () => {
          const still = before === made;
          before = made;
          return still;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(made).toBeLessThan(500);
    await events.return?.();
  });

  it('ends with CANCELLED when its signal aborts between two messages', async () => {
    await plugin({
      async *getContainerEvents(_request, { signal }) {
        yield event('a');
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    const abort = new AbortController();
    const events = client().getContainerEvents(request, { signal: abort.signal })[Symbol.asyncIterator]();
    await events.next();
    const next = failureOf(events.next());
    abort.abort();
    expect((await next).code).toBe('CANCELLED');
  });

  it('has no deadline of its own, and keeps one that it is given', async () => {
    const deadlines: (number | undefined)[] = [];
    await plugin({
      async *getContainerEvents(_request, { deadline }) {
        deadlines.push(deadline);
        yield event('a');
      },
    });
    const runtime = client({ deadlineMs: 1000 });
    for await (const _ of runtime.getContainerEvents(request));
    for await (const _ of runtime.getContainerEvents(request, { deadlineMs: 5000 }));
    expect(deadlines).toEqual([undefined, expect.any(Number)]);
  });
});

describe('the tap', () => {
  type Seen = CallStart & Partial<CallEnd>;

  function recording(replace?: (start: CallStart) => Replacement | undefined) {
    const calls: Seen[] = [];
    const tap = {
      call(start: CallStart) {
        const seen: Seen = { ...start };
        calls.push(seen);
        return replace?.(start) ?? { end: (result: CallEnd) => void Object.assign(seen, result) };
      },
    };
    return { calls, tap };
  }

  it('sees each call start and end, with request, response and span', async () => {
    await plugin({ version: () => answer });
    const { calls, tap } = recording();
    const parent = newSpan(undefined);
    await inTrace(parent, () => client({ tap }).version(version));
    expect(calls).toEqual([
      {
        path: '/runtime.v1.RuntimeService/Version',
        address,
        request: version,
        traceId: parent.traceId,
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        parentSpanId: parent.spanId,
        durationMs: expect.any(Number),
        outcome: 'OK',
        response: answer,
      },
    ]);
  });

  it('sees why a call failed', async () => {
    await plugin({});
    const { calls, tap } = recording();
    await failureOf(client({ tap }).version(version));
    expect(calls[0]).toMatchObject({ outcome: 'UNIMPLEMENTED', message: expect.stringContaining('Version of runtime.v1') });
  });

  it('takes the place of a call with a response, and the call is not made', async () => {
    const { tap } = recording(() => ({ response: answer }));
    expect(await client({ tap }).version(version)).toBe(answer);
  });

  it('takes the place of a call with a failure', async () => {
    const { tap } = recording(() => ({ error: new PluginError('ABORTED', 'injected') }));
    expect((await failureOf(client({ tap }).version(version))).code).toBe('ABORTED');
  });

  it('takes the place of a stream with its messages', async () => {
    const { tap } = recording(() => ({ response: [ContainerEventResponse.create({ containerId: 'a' })] }));
    const seen: string[] = [];
    for await (const { containerId } of client({ tap }).getContainerEvents(GetEventsRequest.create())) seen.push(containerId);
    expect(seen).toEqual(['a']);
  });

  it('sees a stream that its consumer left as CANCELLED, once', async () => {
    await plugin({
      async *getContainerEvents() {
        for (;;) yield ContainerEventResponse.create();
      },
    });
    const { calls, tap } = recording();
    for await (const _ of client({ tap }).getContainerEvents(GetEventsRequest.create())) break;
    expect(calls).toMatchObject([{ outcome: 'CANCELLED' }]);
  });
});

describe('trace context', () => {
  it("runs the handler in a span below its caller's", async () => {
    let inside: ReturnType<typeof currentTrace>;
    await plugin({
      version() {
        inside = currentTrace();
        return answer;
      },
    });
    const caller = newSpan(undefined);
    await inTrace(caller, () => client().version(version));
    expect(inside?.traceId).toBe(caller.traceId);
    expect(inside?.spanId).not.toBe(caller.spanId);
  });

  it('keeps the span through a stream that awaits between its messages', async () => {
    const spans: (string | undefined)[] = [];
    await plugin({
      async *getContainerEvents() {
        for (let i = 0; i < 3; i++) {
          await new Promise(setImmediate);
          spans.push(currentTrace()?.traceId);
          yield ContainerEventResponse.create();
        }
      },
    });
    const caller = newSpan(undefined);
    const events = inTrace(caller, () => client().getContainerEvents(GetEventsRequest.create()));
    for await (const _ of events);
    expect(spans).toEqual([caller.traceId, caller.traceId, caller.traceId]);
  });
});

describe('an address', () => {
  it.each(['plugin.sock', 'unix:plugin.sock', 'unix://relative/x.sock', 'localhost', 'host:99999', ''])(
    '%j is refused with its form',
    (bad) => {
      expect(() => connect(RuntimeServiceService, bad)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(JSON.stringify(bad)) }),
      );
    },
  );
});
