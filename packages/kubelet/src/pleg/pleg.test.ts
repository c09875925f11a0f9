import { RunPodSandboxRequest, StopPodSandboxRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ServedRuntime, serveRuntime } from '../../testing/served-runtime.ts';
import type { TimerRuntime } from '../../testing/timer-runtime.ts';
import { systemClock } from '../clock.ts';
import { podUidLabel } from '../cri/labels.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { ContainerEvents } from './container-events.ts';
import { Pleg, type PlegOptions } from './pleg.ts';

let served: ServedRuntime;
let runtime: TimerRuntime;
let ended: AbortController;
let client: RuntimeClient;
let changed: string[];
let logged: string[];

beforeEach(async () => {
  served = await serveRuntime();
  ({ runtime, client } = served);
  ended = new AbortController();
  changed = [];
  logged = [];
});

afterEach(async () => {
  ended.abort();
  await served.stop();
});

function start(options: Partial<PlegOptions> = {}): Pleg {
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg) });
  const pleg = new Pleg({
    client,
    log,
    clock: systemClock,
    relistMs: 100,
    eventedRelistMs: 60_000,
    evented: true,
    onChange: (uid) => void changed.push(uid),
    ...options,
  });
  void pleg.run(ended.signal);
  return pleg;
}

async function runSandbox(uid: string): Promise<string> {
  const config = { metadata: { name: uid, uid, namespace: 'default', attempt: 0 }, labels: { [podUidLabel]: uid } };
  return (await client.runtime.runPodSandbox(RunPodSandboxRequest.fromPartial({ config }))).podSandboxId;
}

const stopSandbox = (podSandboxId: string) => client.runtime.stopPodSandbox(StopPodSandboxRequest.create({ podSandboxId }));

/** Lists, as many as have been made. */
function countLists(): () => number {
  let lists = 0;
  runtime.faults.set('ListPodSandbox', () => void lists++);
  return () => lists;
}

describe('a runtime with events', () => {
  beforeEach(() => {
    runtime.events.served = true;
  });

  it('is listed a few times, and then only tells', async () => {
    const lists = countLists();
    const pleg = start();
    await expect.poll(lists).toBeGreaterThanOrEqual(4);
    const before = lists();
    await runSandbox('a');
    await expect.poll(() => [changed, pleg.pods?.map(({ uid }) => uid)]).toEqual([['a'], ['a']]);
    expect([lists() - before, pleg.evented, logged.filter((line) => line.includes('every'))]).toEqual([0, true, []]);
  });

  it('is listed again as soon as the stream breaks off, which is asked for anew', async () => {
    const lists = countLists();
    start();
    await expect.poll(lists).toBeGreaterThanOrEqual(4);
    const before = lists();
    runtime.events.end();
    await expect.poll(lists).toBeGreaterThan(before);
    await expect.poll(() => runtime.events.asked).toBe(2);
    await runSandbox('a');
    await expect.poll(() => changed).toContain('a');
  });

  it('is only listed with the gate EventedPLEG shut', async () => {
    const lists = countLists();
    start({ evented: false });
    await expect.poll(lists).toBeGreaterThan(6);
    expect(runtime.events.asked).toBe(0);
  });
});

describe('a runtime without events', () => {
  it('is listed every second, and the reason is logged once', async () => {
    const lists = countLists();
    const pleg = start();
    const id = await runSandbox('a');
    await expect.poll(() => changed).toEqual(['a']);
    await stopSandbox(id);
    await expect.poll(() => changed).toEqual(['a', 'a']);
    await expect.poll(lists).toBeGreaterThan(6);
    expect([pleg.evented, runtime.events.asked, logged]).toEqual([
      false,
      1,
      [expect.stringMatching(/timer is listed every 100 ms: .*tells no events/)],
    ]);
  });

  it('as containerd 1.6, which ends the stream at once, is asked six times', async () => {
    const stream = (async function* () {})();
    const getContainerEvents = () => stream;
    const following: boolean[] = [];
    const events = new ContainerEvents({
      client: { ...client, runtime: { ...client.runtime, getContainerEvents } },
      retryDelayMs: 1,
      onEvent: () => {},
      onFollowing: (now) => void following.push(now),
    });
    expect(await events.run(ended.signal)).toBe('the stream of events ended (asked 6 times)');
    expect(following.at(-1)).toBe(false);
  });
});

describe('health', () => {
  it('is lost when no list has succeeded for three minutes', async () => {
    runtime.faults.set('ListPodSandbox', () => {
      throw new PluginError('UNAVAILABLE', 'it hangs');
    });
    const pleg = start();
    await expect.poll(() => logged.length).toBeGreaterThan(0);
    const later = (minutes: number) => new Date(Date.now() + minutes * 60_000);
    expect([pleg.unhealthy(later(2.9)), pleg.unhealthy(later(3.1))]).toEqual([
      undefined,
      expect.stringMatching(/^PLEG is not healthy: pleg of runtime timer was last seen active 18\ds ago; threshold is 3m0s$/),
    ]);
  });

  it('is lost after ten minutes while events are followed', async () => {
    runtime.events.served = true;
    const pleg = start();
    await expect.poll(() => pleg.evented).toBe(true);
    const later = (minutes: number) => new Date(Date.now() + minutes * 60_000);
    expect([pleg.unhealthy(later(9)), pleg.unhealthy(later(11)) !== undefined]).toEqual([undefined, true]);
  });
});
