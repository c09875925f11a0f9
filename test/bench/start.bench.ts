// npm run bench -- start [--handlers runc,vm,sentry,fake] [--count N] [--json] [--check]
// From RunPodSandbox to the first line of the container's output, on each runtime; as its peer the least that the host needs for that.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@berth/sdk/connect';
import {
  CreateContainerRequest,
  ImageServiceService,
  NamespaceMode,
  PodSandboxConfig,
  PullImageRequest,
  RemovePodSandboxRequest,
  RunPodSandboxRequest,
  RuntimeServiceService,
  StartContainerRequest,
  StopPodSandboxRequest,
} from '@berth/sdk/cri';
import { InvalidArgumentError } from 'commander';
import { nameList, wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { readNodeConfiguration } from '../../packages/cli/src/configuration/node-configuration.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { startShim } from '../fixtures/cri-servers.ts';
import { benchOptions } from './bench-options.ts';
import { interruptible, pauseForInterruption } from './interruption.ts';
import { type BenchResult, describeHost, percentile, ratiosOf, report } from './report.ts';
import { sentryCalls } from './sentry-calls.ts';
import { floors } from './start-floors.ts';
import { stopwatch } from './stopwatch.ts';

const steps = ['RunPodSandbox', 'CreateContainer', 'StartContainer', 'first line'] as const;
type Timings = Record<(typeof steps)[number], number>;

const image = { image: 'localhost/busybox:1' };
/** The fake prints what its annotation says; the others run the command. */
const container = {
  metadata: { name: 'main', attempt: 0 },
  image,
  command: ['echo', 'hello'],
  logPath: 'main.log',
};

const builtIn = readNodeConfiguration().runtimes.map(({ handler }) => handler);
const options = benchOptions<{ handlers: string[]; count: number }>('start', (command) =>
  command
    .option('--handlers <list>', 'runtimes to measure, separated by commas', knownHandlers, builtIn)
    .option('--count <n>', 'how many pods on each', wholeNumber, 10),
);
const { handlers, count } = options;

class Starts {
  readonly #runtime;
  readonly #logDirectory: string;
  #serial = 0;

  constructor(endpoint: string, logDirectory: string) {
    this.#runtime = connect(RuntimeServiceService, endpoint);
    this.#logDirectory = logDirectory;
  }

  /** One pod from nothing to its first line; milliseconds since RunPodSandbox was called, at the end of each step. */
  async once(): Promise<Timings> {
    pauseForInterruption();
    const name = `bench-${process.pid}-${this.#serial++}`;
    const logDirectory = join(this.#logDirectory, name);
    const sandboxConfig = PodSandboxConfig.fromPartial({
      metadata: { name, uid: name, namespace: 'bench', attempt: 0 },
      logDirectory,
      annotations: { 'fake.berth.dev/output': 'hello' },
      linux: { cgroupParent: `/berth-bench/${name}`, securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } },
    });
    const clock = stopwatch();
    const { podSandboxId } = await this.#runtime.runPodSandbox(RunPodSandboxRequest.fromPartial({ config: sandboxConfig }));
    const sandbox = clock();
    const { containerId } = await this.#runtime.createContainer(
      CreateContainerRequest.fromPartial({ podSandboxId, config: container, sandboxConfig }),
    );
    const create = sandbox + clock();
    await this.#runtime.startContainer(StartContainerRequest.fromPartial({ containerId }));
    const start = create + clock();
    await firstLine(join(logDirectory, container.logPath));
    const line = start + clock();
    await this.#runtime.stopPodSandbox(StopPodSandboxRequest.fromPartial({ podSandboxId }));
    await this.#runtime.removePodSandbox(RemovePodSandboxRequest.fromPartial({ podSandboxId }));
    return { RunPodSandbox: sandbox, CreateContainer: create, StartContainer: start, 'first line': line };
  }

  close(): void {
    this.#runtime.close();
  }
}

function knownHandlers(text: string): string[] {
  const names = nameList(text);
  const unknown = names.find((name) => !builtIn.includes(name));
  if (unknown === undefined) return names;
  throw new InvalidArgumentError(`There is no runtime ${unknown}; use ${builtIn.join(', ')}.`);
}

/** The fake's images are only names, which come by being pulled. */
async function pull(endpoint: string): Promise<void> {
  const images = connect(ImageServiceService, endpoint);
  await images.pullImage(PullImageRequest.fromPartial({ image })).finally(() => images.close());
}

async function firstLine(log: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!textOf(log).includes(' hello')) {
    if (Date.now() > deadline) throw new Error(`no line in ${log} within 30 s`);
    await sleep(1);
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function measure(handler: string): Promise<Record<string, number>> {
  process.stderr.write(`${handler}: ${count + 1} pods ...\n`);
  const logDirectory = mkdtempSync(join(tmpdir(), 'berth-bench-'));
  const server = await startShim(handler, {}, { ownProcessGroup: true });
  const starts = new Starts(server.endpoint, logDirectory);
  try {
    if (handler === 'fake') await pull(server.endpoint);
    await starts.once();
    const timings: Timings[] = [];
    for (let i = 0; i < count; i++) timings.push(await starts.once());
    return Object.fromEntries(
      steps.map((step) => [
        `${handler}: ${step} p50 ms`,
        percentile(
          timings.map((timing) => timing[step]),
          0.5,
        ),
      ]),
    );
  } finally {
    starts.close();
    await server.stop();
    removeCgroups('/berth-bench');
    rmSync(logDirectory, { recursive: true });
  }
}

async function measureSentryCalls(): Promise<void> {
  const { answered, leftToKernel } = await sentryCalls();
  ours['sentry: a system call us'] = answered;
  peer['sentry: a system call us'] = leftToKernel;
}

const ours: Record<string, number> = {};
const peer: Record<string, number> = {};
await interruptible(async () => {
  for (const handler of handlers) {
    Object.assign(ours, await measure(handler));
    const floor = await floors[handler]?.(count);
    if (floor !== undefined) peer[`${handler}: first line p50 ms`] = floor;
    if (handler === 'sentry') await measureSentryCalls();
  }
  const result: BenchResult = { name: 'start', host: describeHost(), ours, peer, ratios: ratiosOf(ours, peer), bars: [] };
  report(result, options);
});
