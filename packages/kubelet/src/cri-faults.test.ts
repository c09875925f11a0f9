import type { PodSpec, PodStatus } from '@berth/api/objects';
import { ContainerState, ContainerStatus } from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { describe, it } from 'vitest';
import { ChangingSource } from '../testing/changing-source.ts';
import { containerStatus, isReady, TestNode } from '../testing/node.ts';
import type { TimerRuntime } from '../testing/timer-runtime.ts';

const requestTimeoutMs = 500;
/** Many nodes at once on a busy host. */
const patienceMs = 30_000;

const spec = (cpu = '100m', image = 'a:1'): PodSpec => ({
  terminationGracePeriodSeconds: 0,
  containers: [{ name: 'main', image, resources: { limits: { cpu, memory: cpu === '100m' ? '64Mi' : '32Mi' } } }],
});

/** One node with one pod, and everything that has been told of it. */
class Scene {
  readonly node: TestNode;
  readonly source: ChangingSource;
  readonly #told: PodStatus[] = [];

  static async open(): Promise<Scene> {
    const source = new ChangingSource();
    const node = await TestNode.create({ sources: [source], runtimeRequestTimeoutMs: requestTimeoutMs, evented: false });
    await node.kubelet.start();
    return new Scene(node, source);
  }

  constructor(node: TestNode, source: ChangingSource) {
    this.node = node;
    this.source = source;
    node.kubelet.onStatus((pod) => pod?.status && this.#told.push(structuredClone(pod.status)));
  }

  ready(): Promise<unknown> {
    return this.node.until('a', (pod) => isReady(pod), patienceMs);
  }

  resized(): Promise<unknown> {
    return this.node.until('a', (pod) => containerStatus(pod, 'main')?.resources?.limits?.cpu === '50m', patienceMs);
  }

  async gone(): Promise<void> {
    const { sandboxes, containers } = this.node.runtime;
    await until(
      () => sandboxes.size === 0 && containers.size === 0 && this.node.pod('a') === undefined,
      () => JSON.stringify(this.node.pod('a')?.status),
    );
  }

  /** Resolves when a status of the pod has named the call. */
  async told(rpc: string): Promise<void> {
    await until(
      () => JSON.stringify(this.#told).includes(rpc),
      () => JSON.stringify(this.#told.at(-1)),
    );
  }
}

async function until(isSo: () => boolean, otherwise: () => string): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`still not: ${otherwise()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

type Fault = (runtime: TimerRuntime) => (context: CallContext) => Promise<void>;

async function crash(runtime: TimerRuntime): Promise<void> {
  await runtime.close();
  await runtime.open();
}

const faults: Record<string, Fault> = {
  crash: (runtime) => {
    let crashing = false;
    return async () => {
      if (!crashing) void crash(runtime).finally(() => (crashing = false));
      crashing = true;
      await new Promise(() => {});
    };
  },
  hang:
    () =>
    ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
};

type Stage = 'start' | 'resize' | 'end';

const calls: [rpc: string, stage: Stage][] = [
  ['ListPodSandbox', 'start'],
  ['ListContainers', 'start'],
  ['RunPodSandbox', 'start'],
  ['PodSandboxStatus', 'start'],
  ['ImageStatus', 'start'],
  ['PullImage', 'start'],
  ['CreateContainer', 'start'],
  ['StartContainer', 'start'],
  ['ContainerStatus', 'start'],
  ['ContainerStats', 'resize'],
  ['UpdateContainerResources', 'resize'],
  ['StopContainer', 'end'],
  ['StopPodSandbox', 'end'],
  ['RemoveContainer', 'end'],
  ['RemovePodSandbox', 'end'],
];

/** Brings the pod to the stage in which `begin` spoils the call, and through the others once `mend` has come. */
async function live(scene: Scene, stage: Stage, begin: () => void, mend: () => Promise<void>): Promise<void> {
  const spoilt = async (at: Stage, act: () => void) => {
    if (at === stage) begin();
    act();
    if (at === stage) await mend();
  };
  await spoilt('start', () => scene.source.put('a', spec()));
  await scene.ready();
  await spoilt('resize', () => scene.source.put('a', spec('50m')));
  await scene.resized();
  await spoilt('end', () => scene.source.remove('a'));
  await scene.gone();
}

describe.each(Object.keys(faults))('a runtime that does this in one call: %s', (kind) => {
  // A pull takes what the network takes: only its end is waited for.
  it.concurrent.each(calls.filter(([rpc]) => kind !== 'hang' || rpc !== 'PullImage'))(
    '%s',
    { timeout: 4 * patienceMs },
    async (rpc, stage) => {
      const scene = await Scene.open();
      const { runtime } = scene.node;
      try {
        const begin = () => void runtime.faults.set(rpc, (faults[kind] as Fault)(runtime));
        await live(scene, stage, begin, async () => {
          // The two lists are asked for side by side, and the first one that fails is named.
          await scene.told(rpc.startsWith('List') ? 'List' : rpc);
          runtime.faults.delete(rpc);
        });
      } finally {
        await scene.node.remove();
      }
    },
  );
});

/** What each call says without having done it. */
const lies: [rpc: string, stage: Stage, lie: (request: { containerId: string }) => object][] = [
  ['ListPodSandbox', 'start', () => ({ items: [] })],
  ['ListContainers', 'start', () => ({ containers: [] })],
  ['RunPodSandbox', 'start', () => ({ podSandboxId: 'nowhere' })],
  ['PodSandboxStatus', 'start', () => ({ status: undefined, info: {}, containersStatuses: [], timestamp: 0n })],
  ['ImageStatus', 'start', () => ({ image: undefined, info: {} })],
  ['PullImage', 'start', () => ({ imageRef: '' })],
  ['CreateContainer', 'start', () => ({ containerId: 'nowhere' })],
  ['StartContainer', 'start', () => ({})],
  [
    'ContainerStatus',
    'start',
    ({ containerId: id }) => ({ status: ContainerStatus.create({ id, state: ContainerState.CONTAINER_UNKNOWN, createdAt: 5n }), info: {} }),
  ],
  ['ContainerStats', 'resize', () => ({ stats: undefined })],
  ['UpdateContainerResources', 'resize', () => ({})],
  ['StopContainer', 'end', () => ({})],
  ['StopPodSandbox', 'end', () => ({})],
  ['RemoveContainer', 'end', () => ({})],
  ['RemovePodSandbox', 'end', () => ({})],
];

describe('a runtime that lies in one call', () => {
  it.concurrent.each(lies)('%s', { timeout: 4 * patienceMs }, async (rpc, stage, lie) => {
    const scene = await Scene.open();
    const { runtime } = scene.node;
    let told = 0;
    try {
      const begin = () =>
        void runtime.lies.set(rpc, (request) => {
          told += 1;
          return lie(request);
        });
      await live(scene, stage, begin, async () => {
        await until(
          () => told > 0,
          () => `nobody asked for ${rpc}`,
        );
        await new Promise((resolve) => setTimeout(resolve, 300));
        runtime.lies.delete(rpc);
      });
    } finally {
      await scene.node.remove();
    }
  });
});
