import { describe, expect, it } from 'vitest';
import { PluginError } from './errors.ts';
import { ContainerEventResponse, GetEventsRequest, VersionRequest, VersionResponse } from './gen/cri.ts';
import { failureOf, pluginHost } from './plugin-host.fixture.ts';
import type { CallEnd, CallStart, Replacement } from './tap.ts';
import { currentTrace, inTrace, newSpan } from './trace-context.ts';

const host = pluginHost();

const version = VersionRequest.create({ version: 'v1' });
const answer = VersionResponse.create({ version: 'v1', runtimeName: 'test' });

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

describe('the tap', () => {
  it('sees each call start and end, with request, response and span', async () => {
    await host.plugin({ version: () => answer });
    const { calls, tap } = recording();
    const parent = newSpan(undefined);
    await inTrace(parent, () => host.client({ tap }).version(version));
    expect(calls).toEqual([
      {
        path: '/runtime.v1.RuntimeService/Version',
        address: host.address,
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
    await host.plugin({});
    const { calls, tap } = recording();
    await failureOf(host.client({ tap }).version(version));
    expect(calls[0]).toMatchObject({ outcome: 'UNIMPLEMENTED', message: expect.stringContaining('Version of runtime.v1') });
  });

  it('takes the place of a call with a response, and the call is not made', async () => {
    const { tap } = recording(() => ({ response: answer }));
    expect(await host.client({ tap }).version(version)).toBe(answer);
  });

  it('takes the place of a call with a failure', async () => {
    const { tap } = recording(() => ({ error: new PluginError('ABORTED', 'injected') }));
    expect((await failureOf(host.client({ tap }).version(version))).code).toBe('ABORTED');
  });

  it('takes the place of a stream with its messages', async () => {
    const { tap } = recording(() => ({ response: [ContainerEventResponse.create({ containerId: 'a' })] }));
    const seen: string[] = [];
    for await (const { containerId } of host.client({ tap }).getContainerEvents(GetEventsRequest.create())) seen.push(containerId);
    expect(seen).toEqual(['a']);
  });

  it('sees a stream that its consumer left as CANCELLED, once', async () => {
    await host.plugin({
      async *getContainerEvents() {
        for (;;) yield ContainerEventResponse.create();
      },
    });
    const { calls, tap } = recording();
    for await (const _ of host.client({ tap }).getContainerEvents(GetEventsRequest.create())) break;
    expect(calls).toMatchObject([{ outcome: 'CANCELLED' }]);
  });
});

describe('trace context', () => {
  it('runs the handler in the span of the call, which is below that of its caller', async () => {
    let inside: ReturnType<typeof currentTrace>;
    const { calls, tap } = recording();
    await host.plugin({
      version() {
        inside = currentTrace();
        return answer;
      },
    });
    const caller = newSpan(undefined);
    await inTrace(caller, () => host.client({ tap }).version(version));
    expect(inside?.traceId).toBe(caller.traceId);
    expect(calls).toMatchObject([{ spanId: inside?.spanId, parentSpanId: caller.spanId }]);
  });

  it('keeps the span through a stream that awaits between its messages', async () => {
    const spans: (string | undefined)[] = [];
    await host.plugin({
      async *getContainerEvents() {
        for (let i = 0; i < 3; i++) {
          await new Promise(setImmediate);
          spans.push(currentTrace()?.traceId);
          yield ContainerEventResponse.create();
        }
      },
    });
    const caller = newSpan(undefined);
    const events = inTrace(caller, () => host.client().getContainerEvents(GetEventsRequest.create()));
    for await (const _ of events);
    expect(spans).toEqual([caller.traceId, caller.traceId, caller.traceId]);
  });
});
