import { describe, expect, it } from 'vitest';
import { PluginError } from './errors.ts';
import { ContainerEventResponse, GetEventsRequest } from './gen/cri.ts';
import { failureOf, pluginHost } from './plugin-host.fixture.ts';

const host = pluginHost();

describe('a server stream', () => {
  const request = GetEventsRequest.create();
  const event = (containerId: string) => ContainerEventResponse.create({ containerId });

  it('gives every message in order and ends', async () => {
    await host.plugin({
      async *getContainerEvents() {
        for (const id of ['a', 'b', 'c']) yield event(id);
      },
    });
    const seen: string[] = [];
    for await (const { containerId } of host.client().getContainerEvents(request)) seen.push(containerId);
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('gives the messages before a failure, then the failure', async () => {
    await host.plugin({
      async *getContainerEvents() {
        yield event('a');
        throw new PluginError('DATA_LOSS', 'the journal is torn');
      },
    });
    const events = host.client().getContainerEvents(request)[Symbol.asyncIterator]();
    expect((await events.next()).value.containerId).toBe('a');
    const error = await failureOf(events.next());
    expect(error.code).toBe('DATA_LOSS');
    expect(error.message).toBe(`GetContainerEvents on ${host.address}: the journal is torn`);
  });

  it('tells the plugin when its consumer stops early', async () => {
    const returned = Promise.withResolvers<void>();
    await host.plugin({
      async *getContainerEvents(_request, { signal }) {
        try {
          yield event('a');
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        } finally {
          returned.resolve();
        }
      },
    });
    for await (const _ of host.client().getContainerEvents(request)) break;
    await returned.promise;
  });

  it('that is aborted as soon as it is begun ends at the plugin, too', async () => {
    const ended: Promise<void>[] = [];
    await host.plugin({
      version: () => ({ version: '', runtimeName: '', runtimeVersion: '', runtimeApiVersion: '' }),
      async *getContainerEvents(_request, { signal }) {
        const { promise, resolve } = Promise.withResolvers<void>();
        ended.push(promise);
        signal.addEventListener('abort', () => resolve());
        await promise;
      },
    });
    const client = host.client();
    await client.version({ version: '' });
    const stops = Array.from({ length: 20 }, () => new AbortController());
    const failures = stops.map(({ signal }) => failureOf(client.getContainerEvents(request, { signal })[Symbol.asyncIterator]().next()));
    for (const stop of stops) stop.abort();
    for (const { code } of await Promise.all(failures)) expect(code).toBe('CANCELLED');
    // The plugin has seen whatever came before this.
    await client.version({ version: '' });
    await Promise.all(ended);
  });

  it('takes messages from the plugin no faster than the consumer takes them', async () => {
    let made = 0;
    const large = 'x'.repeat(64 * 1024);
    await host.plugin({
      async *getContainerEvents() {
        for (; made < 10_000; made++) yield event(large);
      },
    });
    const events = host.client().getContainerEvents(request)[Symbol.asyncIterator]();
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
    await host.plugin({
      async *getContainerEvents(_request, { signal }) {
        yield event('a');
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    const abort = new AbortController();
    const events = host.client().getContainerEvents(request, { signal: abort.signal })[Symbol.asyncIterator]();
    await events.next();
    const next = failureOf(events.next());
    abort.abort();
    expect((await next).code).toBe('CANCELLED');
  });

  it('has no deadline of its own, and keeps one that it is given', async () => {
    const deadlines: (number | undefined)[] = [];
    await host.plugin({
      async *getContainerEvents(_request, { deadline }) {
        deadlines.push(deadline);
        yield event('a');
      },
    });
    const runtime = host.client({ deadlineMs: 1000 });
    for await (const _ of runtime.getContainerEvents(request));
    for await (const _ of runtime.getContainerEvents(request, { deadlineMs: 5000 }));
    expect(deadlines).toEqual([undefined, expect.any(Number)]);
  });
});
