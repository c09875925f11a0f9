import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { PluginError } from './errors.ts';
import { StopContainerRequest, VersionRequest, VersionResponse } from './gen/cri.ts';
import { failureOf, pluginHost, type Runtime } from './plugin-host.fixture.ts';

const host = pluginHost();

const version = VersionRequest.create({ version: 'v1' });
const answer = VersionResponse.create({ version: 'v1', runtimeName: 'test' });
const stop = StopContainerRequest.create({ containerId: 'c1' });

describe('deadlines and signals', () => {
  const hanging: Runtime = { stopContainer: () => new Promise(() => {}) };

  it('ends a call at its deadline and says how long that was', async () => {
    await host.plugin(hanging);
    const error = await failureOf(host.client().stopContainer(stop, { deadlineMs: 30 }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect(error.message).toContain('no answer within 30 ms');
  });

  it('uses the deadline of the connection where the call names none', async () => {
    await host.plugin(hanging);
    expect((await failureOf(host.client({ deadlineMs: 30 }).stopContainer(stop))).message).toContain('30 ms');
  });

  it('ends a call to a server that accepts and says nothing', async () => {
    const silent = createServer(() => {}).listen(`${host.directory}/plugin.sock`);
    host.atEnd(() => void silent.close());
    expect((await failureOf(host.client().version(version, { deadlineMs: 50 }))).code).toBe('DEADLINE_EXCEEDED');
  });

  it('tells the handler of deadline and cancellation', async () => {
    const reason = Promise.withResolvers<PluginError>();
    let deadline: number | undefined;
    await host.plugin({
      stopContainer: (_request, context) => {
        deadline = context.deadline;
        context.signal.addEventListener('abort', () => reason.resolve(context.signal.reason));
        return new Promise(() => {});
      },
    });
    const abort = new AbortController();
    const failed = failureOf(host.client().stopContainer(stop, { signal: abort.signal, deadlineMs: 60_000 }));
    await expect.poll(() => deadline).toBeTypeOf('number');
    expect(Number(deadline) - Date.now()).toBeGreaterThan(50_000);
    abort.abort();
    expect((await failed).code).toBe('CANCELLED');
    expect((await reason.promise).code).toBe('CANCELLED');
  });

  it('makes no call when its signal has aborted already', async () => {
    let calls = 0;
    await host.plugin({
      version() {
        calls++;
        return answer;
      },
    });
    expect((await failureOf(host.client().version(version, { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
    expect(calls).toBe(0);
  });

  it('leaves no listener on a signal that outlives its calls', async () => {
    await host.plugin({ version: () => answer });
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
    const runtime = host.client();
    for (let call = 0; call < 10; call++) await runtime.version(version, { signal });
    expect(listeners).toBe(0);
  });

  it("ends every call when the connection's signal aborts", async () => {
    await host.plugin(hanging);
    const abort = new AbortController();
    const runtime = host.client({ signal: abort.signal });
    const failed = failureOf(runtime.stopContainer(stop));
    abort.abort();
    expect((await failed).code).toBe('CANCELLED');
    expect((await failureOf(runtime.version(version))).message).toContain('the connection was closed');
  });
});
