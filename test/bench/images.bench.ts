// npm run bench -- images [--vs containerd] [--compression gzip] [--count N] [--json] [--check]
// PullImage of an image of 200 MB in three layers from a registry on loopback: our shim, and containerd beside it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@berth/sdk/connect';
import { ImageServiceService, PullImageRequest, RuntimeServiceService, VersionRequest } from '@berth/sdk/cri';
import { Option } from 'commander';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { exampleImage } from '../fixtures/berth.ts';
import { type CriServer, startContainerd, startShim } from '../fixtures/cri-servers.ts';
import { startRegistry, type TestRegistry } from '../fixtures/registry.ts';
import { type Bar, checkBars } from './bars.ts';
import { benchOptions } from './bench-options.ts';
import { FreshDisk } from './fresh-disk.ts';
import { interruptible, pauseForInterruption } from './interruption.ts';
import { buildMixedImage } from './mixed-image.ts';
import { PeakMemory } from './peak-memory.ts';
import { describeHost, percentile, ratiosOf, report } from './report.ts';
import { stopwatch } from './stopwatch.ts';

const bars: Bar[] = [
  { figure: 'pull p50 ms', of: 'ours/peer', atMost: 1.2 },
  { figure: 'Version meanwhile, p99 ms', of: 'ours', atMost: 50 },
  { figure: 'memory above idle, most MB', of: 'ours', atMost: 100 },
];

const mixed = 'bench/mixed:1';
const small = 'bench/busybox:1';
const compressions = ['gzip', 'zstd', 'none'] as const;
/** Often enough for a 99th percentile, so seldom that the calls themselves take no time from the pull. */
const betweenVersionsMs = 20;

const options = benchOptions<{ vs?: 'containerd'; compression: (typeof compressions)[number]; count: number }>('images', (command) =>
  command
    .addOption(new Option('--vs <peer>', 'measure this CRI server too').choices(['containerd']))
    .addOption(new Option('--compression <name>', "how the image's layers are packed").choices(compressions).default('gzip'))
    .option('--count <n>', 'how many pulls', wholeNumber, 5),
);

interface Pull {
  ms: number;
  /** Milliseconds of Version calls, one after another, while it went on. */
  versions: number[];
  /** Most MB that the server had resident, above what it had before. */
  memory: number;
}

/** One pull by a server that has just been started, on a disk of its own; it has pulled nothing but a small image before. */
async function pullOnce(start: (parent: string) => Promise<CriServer>, registry: TestRegistry): Promise<Pull> {
  pauseForInterruption();
  const disk = new FreshDisk();
  try {
    const server = await start(disk.directory);
    const client = new Client(server.endpoint);
    try {
      return await client.measure(await server.pid(), registry);
    } finally {
      client.close();
      await server.stop();
    }
  } finally {
    disk.remove();
  }
}

class Client {
  readonly #images;
  readonly #runtime;

  constructor(endpoint: string) {
    this.#images = connect(ImageServiceService, endpoint);
    this.#runtime = connect(RuntimeServiceService, endpoint);
  }

  async measure(pid: number, { host }: TestRegistry): Promise<Pull> {
    await this.#pull(`${host}/${small}`);
    await this.#version();
    // Otherwise what was written before would go to the disk meanwhile.
    execFileSync('sync');
    const memory = new PeakMemory(pid);
    const clock = stopwatch();
    const pulled = this.#pull(`${host}/${mixed}`).then(clock);
    const versions = await timesUntil(pulled, () => this.#version());
    return { ms: await pulled, versions, memory: memory.above() };
  }

  close(): void {
    this.#images.close();
    this.#runtime.close();
  }

  #pull(image: string): Promise<unknown> {
    return this.#images.pullImage(PullImageRequest.fromPartial({ image: { image } }));
  }

  #version(): Promise<unknown> {
    return this.#runtime.version(VersionRequest.create({}));
  }
}

/** Milliseconds that each call took which ended before `end` came. */
async function timesUntil(end: Promise<unknown>, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const ended = end.then(
    () => true,
    () => true,
  );
  for (;;) {
    const clock = stopwatch();
    const called = call().then(() => false);
    if (await Promise.race([called, ended])) return times;
    times.push(clock());
    await sleep(betweenVersionsMs);
  }
}

function figuresOf(pulls: Pull[]): Record<string, number> {
  const times = pulls.map(({ ms }) => ms);
  const versions = pulls.flatMap((pull) => pull.versions);
  return {
    'pull p50 ms': percentile(times, 0.5),
    'pull, longest ms': Math.max(...times),
    'Version meanwhile, p99 ms': percentile(versions, 0.99),
    'Version meanwhile, longest ms': Math.max(...versions),
    'memory above idle, most MB': Math.max(...pulls.map(({ memory }) => memory)),
  };
}

async function measure(registry: TestRegistry, scratch: string): Promise<void> {
  process.stderr.write('building the image ...\n');
  const image = await buildMixedImage(join(scratch, 'image.tar'), options.compression);
  await push(registry, image.path, mixed);
  await push(registry, exampleImage, small);
  const packed = image.layers.reduce((sum, { size }) => sum + size, 0);
  process.stderr.write(`${image.files} files, ${megabytes(image.bytes)}, packed ${megabytes(packed)}; ${options.count} pulls ...\n`);

  const [ownPulls, peerPulls]: [Pull[], Pull[]] = [[], []];
  for (let i = 0; i < options.count; i++) {
    ownPulls.push(await pullOnce((parent) => startShim('runc', {}, { ownProcessGroup: true, parent }), registry));
    if (options.vs) peerPulls.push(await pullOnce((parent) => startContainerd({ parent }), registry));
  }
  const ours = figuresOf(ownPulls);
  const peer = options.vs && figuresOf(peerPulls);
  const figures = { ours, ...(peer && { peer, ratios: ratiosOf(ours, peer) }) };
  report({ name: 'images', host: describeHost(), ...figures, bars: checkBars(bars, figures) }, options);
}

function push(registry: TestRegistry, archive: string, name: string): Promise<string> {
  const [repository = '', tag = ''] = name.split(':');
  return registry.push(archive, repository, tag);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

await interruptible(async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'berth-bench-'));
  const registry = await startRegistry();
  try {
    await measure(registry, scratch);
  } finally {
    await registry.stop();
    rmSync(scratch, { recursive: true });
  }
});
