import { setTimeout as sleep } from 'node:timers/promises';
import type { PodTrace } from '@berth/kubelet/pod-traces';
import { connect } from '@berth/sdk/connect';
import { ListContainersRequest, RuntimeServiceService, StopContainerRequest } from '@berth/sdk/cri';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { type CriServer, startShim } from '../fixtures/cri-servers.ts';
import { type Bar, checkBars } from './bars.ts';
import { BenchKubelet, buildKubelet, isRunning } from './bench-kubelet.ts';
import { benchOptions } from './bench-options.ts';
import { interruptible, pauseForInterruption, waitOrInterruption } from './interruption.ts';
import { processorSeconds, residentMegabytes } from './processor-time.ts';
import { describeHost, percentile, report } from './report.ts';

const bars: Bar[] = [
  { figure: 'all running s', of: 'ours', atMost: 5 },
  { figure: 'idle CPU, % of a core', of: 'ours', atMost: 3 },
  { figure: 'resident MB', of: 'ours', atMost: 150 },
  { figure: 'death noticed with events, p50 ms', of: 'ours', atMost: 100 },
  { figure: 'death noticed with lists, p50 ms', of: 'ours', atMost: 1100 },
  { figure: 'runc: added to the CRI calls, p50 ms', of: 'ours', atMost: 15 },
];

/** After the last pod is there: collections of garbage. */
const settleMs = 10_000;
const deaths = 10;
const podsOnRunc = 10;

const options = benchOptions<{ count: number; seconds: number }>('kubelet', (command) =>
  command
    .option('--count <n>', 'how many pods', wholeNumber, 110)
    .option('--seconds <n>', 'how long it is watched at rest: pods are synchronized each 60 s', wholeNumber, 60),
);

async function withMany(server: CriServer): Promise<Record<string, number>> {
  const kubelet = await BenchKubelet.start(server);
  try {
    for (let index = 0; index < options.count; index++) kubelet.add(`p${index}`, 'bench');
    const begun = performance.now();
    await kubelet.reveal();
    await kubelet.until((pods) => pods.filter(isRunning).length === options.count);
    const seconds = (performance.now() - begun) / 1000;
    await waitOrInterruption(settleMs);
    const before = processorSeconds(kubelet.pid);
    await waitOrInterruption(options.seconds * 1000);
    return {
      'all running s': seconds,
      'idle CPU, % of a core': ((processorSeconds(kubelet.pid) - before) / options.seconds) * 100,
      'resident MB': residentMegabytes(kubelet.pid),
    };
  } finally {
    await kubelet.stop();
  }
}

/** From a container's end to the first call that the kubelet makes to start it again, which is due at once. */
async function deathNoticed(server: CriServer, evented: boolean): Promise<number> {
  const kubelet = await BenchKubelet.start(server, { featureGates: { EventedPLEG: evented } });
  const runtime = connect(RuntimeServiceService, server.endpoint);
  try {
    for (let index = 0; index < deaths; index++) kubelet.add(`d${index}-${evented}`, 'bench');
    await kubelet.reveal();
    await kubelet.until((pods) => pods.filter(isRunning).length === deaths);
    await waitOrInterruption(4000);
    const { containers } = await runtime.listContainers(ListContainersRequest.create());
    const samples: number[] = [];
    for (let index = 0; index < deaths; index++) {
      pauseForInterruption();
      const name = `d${index}-${evented}-n`;
      const container = containers.find(({ labels }) => labels['io.kubernetes.pod.name'] === name);
      await runtime.stopContainer(StopContainerRequest.create({ containerId: container?.id ?? '', timeout: 0n }));
      const diedAt = Date.now();
      await sleep(1500);
      const first = (await kubelet.client.trace('default', name)).records
        .map(startOf)
        .filter((at) => at >= diedAt - 50)
        .toSorted((a, b) => a - b)[0];
      samples.push(Math.max(0, (first ?? diedAt + 1500) - diedAt));
    }
    return percentile(samples, 0.5);
  } finally {
    runtime.close();
    await kubelet.stop();
  }
}

function startOf(record: PodTrace['records'][number]): number {
  return record.startedAt;
}

/** From the manifest to the container running, without the time in which a CRI call was being answered. */
async function addedOnRunc(server: CriServer): Promise<Record<string, number>> {
  const kubelet = await BenchKubelet.start(server);
  const [totals, added]: [number[], number[]] = [[], []];
  try {
    for (let index = 0; index <= podsOnRunc; index++) {
      pauseForInterruption();
      kubelet.add(`r${index}`, 'localhost/busybox:1');
      await kubelet.reveal();
      await kubelet.until((pods) => pods.filter(isRunning).length === index + 1, 20);
      const { records } = await kubelet.client.trace('default', `r${index}-n`);
      const started = records.find(({ method }) => method === 'StartContainer');
      if (!started) throw new Error('the trace has no StartContainer');
      const first = Math.min(...records.map(startOf));
      const end = startOf(started) + started.durationMs;
      const busy = coveredMs(
        records.map((record) => [startOf(record), startOf(record) + record.durationMs]),
        first,
        end,
      );
      // The first pod pays for what is loaded and made once.
      if (index === 0) continue;
      totals.push(end - first);
      added.push(end - first - busy);
    }
  } finally {
    await kubelet.stop();
  }
  return { 'runc: first call to running, p50 ms': percentile(totals, 0.5), 'runc: added to the CRI calls, p50 ms': percentile(added, 0.5) };
}

/** How much of the time between two moments is covered by spans. */
function coveredMs(spans: [number, number][], from: number, to: number): number {
  let [covered, reached] = [0, from];
  for (const [start, end] of spans.toSorted(([a], [b]) => a - b)) {
    const [begin, stop] = [Math.max(start, reached), Math.min(end, to)];
    if (stop <= begin) continue;
    covered += stop - begin;
    reached = stop;
  }
  return covered;
}

async function measureServer<Figures>(handler: string, measure: (server: CriServer) => Promise<Figures>): Promise<Figures> {
  const server = await startShim(handler, {}, { ownProcessGroup: true });
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

await interruptible(async () => {
  buildKubelet();
  const ours = {
    ...(await measureServer('fake', withMany)),
    'death noticed with events, p50 ms': await measureServer('fake', (server) => deathNoticed(server, true)),
    'death noticed with lists, p50 ms': await measureServer('fake', (server) => deathNoticed(server, false)),
    ...(await measureServer('runc', addedOnRunc)),
  };
  report({ name: 'kubelet', host: describeHost(), ours, bars: checkBars(bars, { ours }) }, options);
});
