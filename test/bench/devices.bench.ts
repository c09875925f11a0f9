// npm run bench -- devices [--count N] [--json] [--check]
// What devices cost a node: from a plugin's start until the node has its devices, from a change of health until the node tells of it, and what Allocate adds to the
// start of a pod. The plugin is one of the author's kit, in a thread of the bench; the runtime is the fake one.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { allocatableOf } from '@berth/api/resource-amounts';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { startShim } from '../fixtures/cri-servers.ts';
import { type Bar, checkBars } from './bars.ts';
import { BenchKubelet, buildKubelet, isRunning } from './bench-kubelet.ts';
import { benchOptions } from './bench-options.ts';
import type { BenchPluginData } from './bench-plugin.ts';
import { interruptible, pauseForInterruption } from './interruption.ts';
import { describeHost, percentile, report } from './report.ts';

const bars: Bar[] = [
  { figure: 'registration to capacity, p50 ms', of: 'ours', atMost: 200 },
  { figure: 'health change to node status, p50 ms', of: 'ours', atMost: 100 },
  { figure: 'health change to node status, max ms', of: 'ours', atMost: 100 },
  { figure: 'Allocate adds to a pod start, p50 ms', of: 'ours', atMost: 5 },
];

const registrations = 5;
const healthChanges = 20;
const podPairs = 80;
const quietMs = 150;

const options = benchOptions<{ count: number }>('devices', (command) =>
  command.option('--count <n>', 'how many devices of one resource', wholeNumber, 1000),
);

/** A plugin with many devices, of which one may fall ill; in a thread of its own, as plugins have a process. */
class BenchPlugin {
  readonly resource: string;
  readonly #worker: Worker;
  readonly #ready: Promise<unknown>;

  constructor(directory: string, resource: string) {
    this.resource = resource;
    const workerData: BenchPluginData = { directory, resource, count: options.count };
    this.#worker = new Worker(new URL('./bench-plugin.ts', import.meta.url), { workerData });
    this.#ready = once(this.#worker, 'message');
  }

  /** Once it is ready: registers. */
  async start(): Promise<void> {
    await this.#ready;
    this.#worker.postMessage('start');
  }

  set healthy(healthy: boolean) {
    this.#worker.postMessage({ healthy });
  }

  async stop(): Promise<void> {
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage('stop');
    await ended;
  }
}

/** How long it takes until the node has so many of the resource. */
async function untilAllocatable(kubelet: BenchKubelet, resource: string, amount: number): Promise<number> {
  const begun = performance.now();
  while (allocatableOf(await kubelet.client.node()).get(resource) !== BigInt(amount)) {
    pauseForInterruption();
    await sleep(1);
  }
  return performance.now() - begun;
}

/** From a plugin's start to its devices among the node's; the first one pays for what is loaded once. */
async function registered(kubelet: BenchKubelet): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index <= registrations; index++) {
    const plugin = new BenchPlugin(kubelet.pluginDirectory, `bench.example/r${index}`);
    await plugin.start();
    const took = await untilAllocatable(kubelet, plugin.resource, options.count);
    if (index > 0) samples.push(took);
    await plugin.stop();
  }
  return samples;
}

async function healthTold(kubelet: BenchKubelet, plugin: BenchPlugin): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < healthChanges; index++) {
    const healthy = index % 2 === 1;
    plugin.healthy = healthy;
    samples.push(await untilAllocatable(kubelet, plugin.resource, options.count - (healthy ? 0 : 1)));
    await sleep(50);
  }
  return samples;
}

/** From the pod's manifest to the end of its StartContainer. */
async function startMs(kubelet: BenchKubelet, name: string, limits: Record<string, string>): Promise<number> {
  pauseForInterruption();
  kubelet.add(name, 'bench', limits);
  const begun = performance.timeOrigin + performance.now();
  await kubelet.reveal();
  // What the pod starts in: nobody asks the kubelet meanwhile.
  await sleep(quietMs);
  await kubelet.until((pods) => pods.some((pod) => pod.metadata?.name === `${name}-n` && isRunning(pod)), 20);
  const { records } = await kubelet.client.trace('default', `${name}-n`);
  const started = records.find(({ method }) => method === 'StartContainer');
  if (!started) throw new Error('the trace has no StartContainer');
  return started.startedAt + started.durationMs - begun;
}

/** In turns, the one or the other first, so that what slows the host down slows both down; the difference is that of pairs. */
async function podStarts(kubelet: BenchKubelet, resource: string): Promise<Record<string, number>> {
  const [plain, withDevice]: [number[], number[]] = [[], []];
  const startPlain = async (index: number) => void plain.push(await startMs(kubelet, `a${index}`, {}));
  const startWithDevice = async (index: number) => void withDevice.push(await startMs(kubelet, `b${index}`, { [resource]: '1' }));
  // The first pods pay for what is loaded and made once.
  for (let index = 0; index <= podPairs; index++) {
    const [one, other] = index % 2 === 0 ? [startPlain, startWithDevice] : [startWithDevice, startPlain];
    await one(index);
    await other(index);
    await kubelet.removePods();
  }
  const differences = withDevice.map((ms, index) => ms - (plain[index] ?? 0)).slice(1);
  return {
    'pod without a device, p50 ms': percentile(plain.slice(1), 0.5),
    'pod with a device, p50 ms': percentile(withDevice.slice(1), 0.5),
    'Allocate adds to a pod start, p50 ms': percentile(differences, 0.5),
  };
}

async function measure(): Promise<Record<string, number>> {
  const server = await startShim('fake', {}, { ownProcessGroup: true });
  try {
    const kubelet = await BenchKubelet.start(server);
    try {
      const registrationMs = await registered(kubelet);
      const plugin = new BenchPlugin(kubelet.pluginDirectory, 'bench.example/device');
      try {
        await plugin.start();
        await untilAllocatable(kubelet, plugin.resource, options.count);
        const healthMs = await healthTold(kubelet, plugin);
        return {
          'registration to capacity, p50 ms': percentile(registrationMs, 0.5),
          'health change to node status, p50 ms': percentile(healthMs, 0.5),
          'health change to node status, max ms': Math.max(...healthMs),
          ...(await podStarts(kubelet, plugin.resource)),
        };
      } finally {
        await plugin.stop();
      }
    } finally {
      await kubelet.stop();
    }
  } finally {
    await server.stop();
  }
}

await interruptible(async () => {
  buildKubelet();
  const ours = await measure();
  report({ name: 'devices', host: describeHost(), ours, bars: checkBars(bars, { ours }) }, options);
});
