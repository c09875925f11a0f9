import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { neverAborted } from '@berth/sdk/abort';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { makePod } from '../../testing/observed-pod.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { NodeShutdown } from './node-shutdown.ts';

let kubeletRoot: string;
let clock: ManualClock;
/** The grace periods that the pod was told. */
let graces: number[];

beforeEach(async () => {
  kubeletRoot = await mkdtemp(join(tmpdir(), 'berth-shutdown-'));
  clock = new ManualClock();
  graces = [];
});

afterEach(() => rm(kubeletRoot, { recursive: true }));

/** The end of a node that has one pod, which goes on for so long after it was told to end; gives what is left, once there is an answer. */
function shutdown(endsAfterMs: number, hurry = neverAborted): { left: string[] | undefined } {
  const pod = makePod({ terminationGracePeriodSeconds: 30 });
  const worker = {
    pod,
    active: true,
    terminatingSince: undefined,
    terminate: () => undefined,
    evict: ({ gracePeriodSeconds }: { gracePeriodSeconds: number }) => {
      graces.push(gracePeriodSeconds);
      clock.after(endsAfterMs, () => {
        worker.active = false;
      });
    },
  };
  const node = new NodeShutdown(
    { shutdown: { shutdownGracePeriod: 20 }, kubeletRoot, log: pino({ level: 'silent' }) },
    {
      clock,
      metrics: new KubeletMetrics({ nodeName: 'here' }),
      events: { recordNode: () => undefined },
      workers: () => [worker],
      onBegin: () => undefined,
    },
  );
  const answer: { left: string[] | undefined } = { left: undefined };
  void node.run(hurry).then((left) => {
    answer.left = left;
  });
  return answer;
}

it.each([
  ['ends in its time', 20_000, 20_100],
  ["is killed when its group's time is over", 22_000, 22_100],
])('a pod that %s is waited for', async (_how, endsAfterMs, limitMs) => {
  const answer = shutdown(endsAfterMs);
  await clock.pass(endsAfterMs - 100);
  expect(answer.left).toBeUndefined();
  await clock.pass(limitMs - endsAfterMs + 100);
  expect([answer.left, graces]).toEqual([[], [20]]);
});

it('a pod whose runtime hangs costs its group its time and what a kill may take, and no more', async () => {
  const answer = shutdown(3_600_000);
  await clock.pass(30_100);
  expect(answer.left).toEqual(["pod default/pod didn't end within 20 s of the node's shutdown"]);
});

it('who is in a hurry has the pods killed, and waits for that', async () => {
  const hurry = new AbortController();
  const answer = shutdown(3_600_000, hurry.signal);
  await clock.pass(1000);
  hurry.abort();
  await clock.pass(9000);
  expect([answer.left, graces]).toEqual([undefined, [20, 0]]);
  await clock.pass(1100);
  expect(answer.left).toHaveLength(1);
});
