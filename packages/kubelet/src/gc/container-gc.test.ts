import {
  ContainerConfig,
  CreateContainerRequest,
  PodSandboxConfig,
  RunPodSandboxRequest,
  StartContainerRequest,
  StopPodSandboxRequest,
} from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ServedRuntime, serveRuntime } from '../../testing/served-runtime.ts';
import type { TimerRuntime } from '../../testing/timer-runtime.ts';
import { systemClock } from '../clock.ts';
import { containerNameLabel, kubeletRootAnnotation, podUidLabel } from '../cri/labels.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { ContainerGc, type ContainerGcOptions } from './container-gc.ts';

const signal = new AbortController().signal;
let served: ServedRuntime;
let runtime: TimerRuntime;
let client: RuntimeClient;

beforeEach(async () => {
  served = await serveRuntime();
  ({ runtime, client } = served);
});

afterEach(() => served.stop());

/** A sandbox with so many instances of the container `main`, the newest of which runs or not. */
async function sandbox(uid: string, instances: number, { running = false, kubeletRoot = '/mine' } = {}): Promise<string> {
  const labels = { [podUidLabel]: uid };
  const config = PodSandboxConfig.fromPartial({
    metadata: { name: uid, uid },
    labels,
    annotations: { [kubeletRootAnnotation]: kubeletRoot },
  });
  const { podSandboxId } = await client.runtime.runPodSandbox(RunPodSandboxRequest.create({ config }));
  for (let attempt = 0; attempt < instances; attempt++) {
    const container = ContainerConfig.fromPartial({
      metadata: { name: 'main', attempt },
      labels: { ...labels, [containerNameLabel]: 'main' },
    });
    const { containerId } = await client.runtime.createContainer(
      CreateContainerRequest.create({ podSandboxId, config: container, sandboxConfig: config }),
    );
    await client.runtime.startContainer(StartContainerRequest.create({ containerId }));
    if (attempt < instances - 1 || !running) runtime.exit('main', 1);
  }
  if (!running) await client.runtime.stopPodSandbox(StopPodSandboxRequest.create({ podSandboxId }));
  return podSandboxId;
}

async function collect(known: string[], options: Partial<ContainerGcOptions> = {}): Promise<void> {
  const parts = { runtimes: [client], clock: systemClock, kubeletRoot: '/mine', isKnown: (uid: string) => known.includes(uid) };
  await new ContainerGc(options, parts).collect(signal);
}

/** What is left: `uid#attempt`. */
const left = () => [...runtime.containers.values()].map(({ config }) => `${config.labels[podUidLabel]}#${config.metadata?.attempt}`);

it('of each container of a pod that is there, the newest dead instance stays, and whatever runs', async () => {
  await sandbox('a', 3);
  await sandbox('b', 3, { running: true });
  await collect(['a', 'b']);
  expect(left()).toEqual(['a#2', 'b#1', 'b#2']);
});

it.each<[what: string, options: Partial<ContainerGcOptions>, stay: string[]]>([
  ['maxPerPodContainer 0', { maxPerPodContainer: 0 }, []],
  ['maxPerPodContainer 2', { maxPerPodContainer: 2 }, ['a#1', 'a#2']],
  ['maxPerPodContainer -1', { maxPerPodContainer: -1 }, ['a#0', 'a#1', 'a#2']],
  ['maxContainers 0', { maxContainers: 0 }, []],
  ['an age that none has', { minAgeMs: 3_600_000 }, ['a#0', 'a#1', 'a#2']],
])('with %s there stay %j', async (_what, options, stay) => {
  await sandbox('a', 3);
  await collect(['a'], options);
  expect(left()).toEqual(stay);
});

it('of a pod that is gone nothing dead stays, its sandbox neither', async () => {
  await sandbox('gone', 2);
  await collect([]);
  expect([left(), runtime.sandboxes.size]).toEqual([[], 0]);
});

it('of the sandboxes of a pod that is there the newest stays, and those with containers', async () => {
  const [empty, full, newest] = [await sandbox('a', 0), await sandbox('a', 1), await sandbox('a', 0)];
  await collect(['a']);
  expect([runtime.sandboxes.has(empty), runtime.sandboxes.has(full), runtime.sandboxes.has(newest)]).toEqual([false, true, true]);
});

it("another kubelet's are left alone", async () => {
  await sandbox('theirs', 2, { kubeletRoot: '/theirs' });
  await collect([]);
  expect([left(), runtime.sandboxes.size]).toEqual([['theirs#0', 'theirs#1'], 1]);
});
