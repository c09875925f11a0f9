// npm run bench -- pods [--vs containerd] [--concurrency N] [--count N] [--json] [--check]
// Sandbox, container and start through CRI, one pod after another and several at once: our shim, and containerd beside it.
import { connect } from '@berth/sdk/connect';
import {
  CreateContainerRequest,
  NamespaceMode,
  PodSandboxConfig,
  RemovePodSandboxRequest,
  RunPodSandboxRequest,
  RuntimeServiceService,
  SecurityProfile_ProfileType,
  StartContainerRequest,
  StopContainerRequest,
  StopPodSandboxRequest,
} from '@berth/sdk/cri';
import { Option } from 'commander';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { startContainerd, startShim } from '../fixtures/cri-servers.ts';
import { benchOptions } from './bench-options.ts';
import { interruptible, pauseForInterruption } from './interruption.ts';
import { type BenchResult, describeHost, percentile, ratiosOf, report } from './report.ts';
import { stopwatch } from './stopwatch.ts';

const image = 'localhost/busybox:1';
/** Said on both sides: what a request leaves out, servers fill in differently, and runc takes long to compile a filter. */
const securityContext = {
  seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
  namespaceOptions: { pid: NamespaceMode.CONTAINER },
};
const steps = ['RunPodSandbox', 'CreateContainer', 'StartContainer', 'up', 'stop', 'remove'] as const;
type Step = (typeof steps)[number];
type Timings = Record<Step, number>;

const options = benchOptions<{ vs?: 'containerd'; concurrency: number; count: number }>('pods', (command) =>
  command
    .addOption(new Option('--vs <peer>', 'measure this CRI server too').choices(['containerd']))
    .option('--concurrency <n>', 'how many pods at once, for pods/s', wholeNumber, 8)
    .option('--count <n>', 'how many pods', wholeNumber, 60),
);
const { count, concurrency } = options;

class Pods {
  private readonly runtime;
  private serial = 0;

  constructor(endpoint: string) {
    this.runtime = connect(RuntimeServiceService, endpoint);
  }

  /** One pod up, stopped and removed; milliseconds of each step. */
  async cycle(): Promise<Timings> {
    pauseForInterruption();
    const pod = await this.up();
    return { ...pod.timings, ...(await this.down(pod.sandboxId, pod.containerId)) };
  }

  async up(): Promise<{ sandboxId: string; containerId: string; timings: Omit<Timings, 'stop' | 'remove'> }> {
    const name = `bench-${process.pid}-${this.serial++}`;
    const config = PodSandboxConfig.fromPartial({
      metadata: { name, uid: name, namespace: 'bench', attempt: 0 },
      logDirectory: '',
      linux: { cgroupParent: `/berth-bench/${name}`, securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } },
    });
    const clock = stopwatch();
    const { podSandboxId } = await this.runtime.runPodSandbox(RunPodSandboxRequest.fromPartial({ config }));
    const sandbox = clock();
    const container = { metadata: { name: 'main', attempt: 0 }, image: { image }, command: ['sleep', '1000'], linux: { securityContext } };
    const { containerId } = await this.runtime.createContainer(
      CreateContainerRequest.fromPartial({ podSandboxId, config: container, sandboxConfig: config }),
    );
    const create = clock();
    await this.runtime.startContainer(StartContainerRequest.fromPartial({ containerId }));
    const start = clock();
    return {
      sandboxId: podSandboxId,
      containerId,
      timings: { RunPodSandbox: sandbox, CreateContainer: create, StartContainer: start, up: sandbox + create + start },
    };
  }

  async down(podSandboxId: string, containerId: string): Promise<Pick<Timings, 'stop' | 'remove'>> {
    const clock = stopwatch();
    await this.runtime.stopContainer(StopContainerRequest.fromPartial({ containerId, timeout: 0n }));
    await this.runtime.stopPodSandbox(StopPodSandboxRequest.fromPartial({ podSandboxId }));
    const stop = clock();
    await this.runtime.removePodSandbox(RemovePodSandboxRequest.fromPartial({ podSandboxId }));
    return { stop, remove: clock() };
  }

  close(): void {
    this.runtime.close();
  }
}

/** Runs `work` for each item, `concurrency` at a time, and gives the results in order. */
async function concurrently<Item, Result>(items: Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}

async function measure(endpoint: string): Promise<Record<string, number>> {
  const pods = new Pods(endpoint);
  try {
    await pods.cycle();
    const timings: Timings[] = [];
    for (let i = 0; i < count; i++) timings.push(await pods.cycle());
    const figures: Record<string, number> = {};
    for (const step of steps) {
      const samples = timings.map((timing) => timing[step]);
      figures[`${step} p50 ms`] = percentile(samples, 0.5);
      figures[`${step} p90 ms`] = percentile(samples, 0.9);
    }
    const upStart = performance.now();
    const up = await concurrently(Array.from({ length: count }), () => pods.up());
    figures[`pods/s up, ${concurrency} at a time`] = (count * 1000) / (performance.now() - upStart);
    const downStart = performance.now();
    await concurrently(up, (pod) => pods.down(pod.sandboxId, pod.containerId));
    figures[`pods/s down, ${concurrency} at a time`] = (count * 1000) / (performance.now() - downStart);
    return figures;
  } finally {
    pods.close();
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
  const result: BenchResult = { name: 'pods', host: describeHost(), ours, bars: [], ...(peer && { peer, ratios: ratiosOf(ours, peer) }) };
  report(result, options);
});
