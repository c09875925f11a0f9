// npm run bench -- kubelet [--count N] [--seconds N] [--json] [--check]
// The kubelet alone, over servers that it doesn't start: how long many pods take, what it costs at rest, how soon it notices a death, and what it adds to CRI.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '@berth/api/objects';
import type { PodTrace } from '@berth/kubelet/pod-traces';
import { connect } from '@berth/sdk/connect';
import { ListContainersRequest, RuntimeServiceService, StopContainerRequest } from '@berth/sdk/cri';
import { stringify } from 'yaml';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { KubeletClient } from '../../packages/cli/src/node/kubelet-client.ts';
import { BerthHome, type Running } from '../fixtures/berth.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { type CriServer, startShim } from '../fixtures/cri-servers.ts';
import { repository } from '../fixtures/tools.ts';
import { type Bar, checkBars } from './bars.ts';
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
/** What users run: from the sources Node keeps besides what strips the types. */
const program = join(repository, 'packages/cli/dist/main.js');
const deaths = 10;
const podsOnRunc = 10;

const options = benchOptions<{ count: number; seconds: number }>('kubelet', (command) =>
  command
    .option('--count <n>', 'how many pods', wholeNumber, 110)
    .option('--seconds <n>', 'how long it is watched at rest: pods are synchronized each 60 s', wholeNumber, 60),
);

/** A kubelet over a server that goes on without it. */
class BenchKubelet {
  readonly client: KubeletClient;
  readonly pid: number;
  readonly #home: BerthHome;
  readonly #running: Running;

  private constructor(home: BerthHome, running: Running) {
    this.#home = home;
    this.#running = running;
    this.pid = running.child.pid ?? 0;
    this.client = new KubeletClient(home);
  }

  static async start(server: CriServer, configuration: object = {}): Promise<BenchKubelet> {
    const home = new BerthHome();
    mkdirSync(join(home.directory, 'manifests'));
    const file = home.write(
      'kubelet.yaml',
      stringify({
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        kind: 'KubeletConfiguration',
        staticPodPath: 'manifests',
        containerRuntimeEndpoint: server.endpoint,
        enableServer: false,
        healthzPort: 0,
        failCgroupV1: false,
        failSwapOn: false,
        ...configuration,
      }),
    );
    const environment = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
    const running = home.start(['kubelet', '--config', file, '--hostname-override', 'n'], { detached: true, program, environment });
    await running.says(/is up/);
    return new BenchKubelet(home, running);
  }

  add(name: string, image: string): void {
    const container = { name: 'main', image, imagePullPolicy: 'IfNotPresent', command: ['sleep', '3600'] };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 0, hostNetwork: true, containers: [container] },
    };
    writeFileSync(join(this.#home.directory, `manifests/.${name}`), stringify(pod));
  }

  /** All at once become visible to the kubelet, as one change of the directory each. */
  async reveal(): Promise<void> {
    const directory = join(this.#home.directory, 'manifests');
    const hidden = readdirSync(directory).filter((name) => name.startsWith('.'));
    for (const name of hidden) await rename(join(directory, name), join(directory, `${name.slice(1)}.yaml`));
  }

  /** Until all pods are as asked. */
  async until(isSo: (pods: Pod[]) => boolean, everyMs = 50): Promise<void> {
    while (!isSo(await this.client.pods())) {
      pauseForInterruption();
      await sleep(everyMs);
    }
  }

  /** Ends the pods, then the kubelet, and takes away what was its own. */
  async stop(): Promise<void> {
    const directory = join(this.#home.directory, 'manifests');
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    while ((await this.client.pods()).length > 0) await sleep(50);
    process.kill(this.pid, 'SIGINT');
    await this.#running.ended;
    await this.client.close();
    removeCgroups(`/${this.#home.name}`);
    this.#home.remove();
  }
}

const isRunning = ({ status }: Pod): boolean => status?.containerStatuses?.every(({ state }) => state?.running !== undefined) ?? false;

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

/** Builds what npm packs, and makes it executable as npm does where it installs it. */
function build(): void {
  execFileSync(process.execPath, [join(repository, 'node_modules/tsc7/bin/tsc'), '--build', join(repository, 'packages/cli')], {
    stdio: 'inherit',
    timeout: 300_000,
  });
  chmodSync(program, 0o755);
}

await interruptible(async () => {
  build();
  const ours = {
    ...(await measureServer('fake', withMany)),
    'death noticed with events, p50 ms': await measureServer('fake', (server) => deathNoticed(server, true)),
    'death noticed with lists, p50 ms': await measureServer('fake', (server) => deathNoticed(server, false)),
    ...(await measureServer('runc', addedOnRunc)),
  };
  report({ name: 'kubelet', host: describeHost(), ours, bars: checkBars(bars, { ours }) }, options);
});
