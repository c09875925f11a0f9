// npm run bench -- pods [--vs containerd] [--concurrency N] [--count N] [--json] [--check]
// Sandbox, container and start through CRI, one pod after another and several at once: our shim, and containerd beside it.
import { NamespaceMode } from '@berth/sdk/cri';
import { Option } from 'commander';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { startContainerd, startShim } from '../fixtures/cri-servers.ts';
import { type Bar, checkBars } from './bars.ts';
import { benchOptions } from './bench-options.ts';
import { Pods, steps, type Timings } from './bench-pods.ts';
import { concurrently } from './concurrently.ts';
import { interruptible, pauseForInterruption } from './interruption.ts';
import { describeHost, percentile, ratiosOf, report } from './report.ts';

const bars: Bar[] = [
  { figure: 'up p50 ms', of: 'ours/peer', atMost: 0.55 },
  { figure: 'stop + remove p50 ms', of: 'ours/peer', atMost: 0.55 },
  { figure: 'pods/s up, 8 at a time', of: 'ours/peer', atLeast: 1.7 },
  { figure: 'pods/s down, 8 at a time', of: 'ours/peer', atLeast: 2 },
];

const options = benchOptions<{ vs?: 'containerd'; concurrency: number; count: number }>('pods', (command) =>
  command
    .addOption(new Option('--vs <peer>', 'measure this CRI server too').choices(['containerd']))
    .option('--concurrency <n>', 'how many pods at once, for pods/s', wholeNumber, 8)
    .option('--count <n>', 'how many pods', wholeNumber, 60),
);
const { count, concurrency } = options;

async function oneByOne(pods: Pods): Promise<Timings[]> {
  await pods.cycle();
  const timings: Timings[] = [];
  for (let i = 0; i < count; i++) timings.push(await pods.cycle());
  return timings;
}

function figuresOf(timings: Timings[]): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const step of steps) {
    const samples = timings.map((timing) => timing[step]);
    figures[`${step} p50 ms`] = percentile(samples, 0.5);
    figures[`${step} p90 ms`] = percentile(samples, 0.9);
  }
  figures['stop + remove p50 ms'] = percentile(timings.map(downTime), 0.5);
  return figures;
}

function downTime({ stop, remove }: Timings): number {
  return stop + remove;
}

async function severalAtOnce(pods: Pods): Promise<Record<string, number>> {
  const upStart = performance.now();
  const up = await concurrently(Array.from({ length: count }), concurrency, () => pods.up());
  const downStart = performance.now();
  await concurrently(up, concurrency, (pod) => pods.down(pod.sandboxId, pod.containerId));
  return {
    [`pods/s up, ${concurrency} at a time`]: (count * 1000) / (downStart - upStart),
    [`pods/s down, ${concurrency} at a time`]: (count * 1000) / (performance.now() - downStart),
  };
}

async function measure(endpoint: string): Promise<Record<string, number>> {
  const pods = new Pods(endpoint, NamespaceMode.CONTAINER);
  const sharing = new Pods(endpoint, NamespaceMode.POD);
  try {
    const figures = { ...figuresOf(await oneByOne(pods)), ...(await severalAtOnce(pods)) };
    const shared = await oneByOne(sharing);
    return {
      ...figures,
      'shared PID namespace: up p50 ms': percentile(
        shared.map(({ up }) => up),
        0.5,
      ),
      'shared PID namespace: stop + remove p50 ms': percentile(shared.map(downTime), 0.5),
    };
  } finally {
    await Promise.all([pods.close(), sharing.close()]);
  }
}

async function measureServer(server: { endpoint: string; stop(): Promise<void> }): Promise<Record<string, number>> {
  try {
    return await measure(server.endpoint);
  } finally {
    await server.stop();
    removeCgroups('/berth-bench');
  }
}

await interruptible(async () => {
  const ours = await measureServer(await startShim('runc', {}, { ownProcessGroup: true }));
  pauseForInterruption();
  const peer = options.vs ? await measureServer(await startContainerd()) : undefined;
  const figures = { ours, ...(peer && { peer, ratios: ratiosOf(ours, peer) }) };
  report({ name: 'pods', host: describeHost(), ...figures, bars: checkBars(bars, figures) }, options);
});
