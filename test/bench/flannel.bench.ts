// npm run bench -- flannel [--seconds N] [--rounds N] [--json] [--check]
// What flanneld's back ends cost a TCP connection between pods of two hosts: throughput and latency by iperf3, beside routes that were
// written by hand. The hosts are network namespaces on a switch.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { type FlannelHost, FlannelHosts, unableToMakeHosts } from '../fixtures/flannel-hosts.ts';
import { findOnPath } from '../fixtures/tools.ts';
import { type Bar, checkBars } from './bars.ts';
import { benchOptions } from './bench-options.ts';
import { interruptible, pauseForInterruption } from './interruption.ts';
import { describeHost, percentile, ratiosOf, report } from './report.ts';

const backends = ['host-gw', 'vxlan', 'udp'] as const;
const plain = 'plain';
type Way = (typeof backends)[number] | typeof plain;

const bars: Bar[] = [
  { figure: 'host-gw Mbit/s', of: 'ours/peer', atLeast: 0.8 },
  { figure: 'host-gw / vxlan, throughput', of: 'ours', atLeast: 1 },
  { figure: 'vxlan / udp, throughput', of: 'ours', atLeast: 1 },
  { figure: 'udp / vxlan, latency', of: 'ours', atLeast: 1 },
];

const options = benchOptions<{ seconds: number; rounds: number }>('flannel', (command) =>
  command
    .option('--seconds <n>', 'how long each measurement takes', wholeNumber, 2)
    .option('--rounds <n>', 'how often each is taken; the median counts', wholeNumber, 3),
);

interface Figures {
  megabits: number;
  latencyUs: number;
}

/** As in the tests of flanneld, with one pod each. */
async function withHosts<Result>(work: (network: FlannelHosts, from: FlannelHost, to: FlannelHost) => Promise<Result>): Promise<Result> {
  const network = await FlannelHosts.make(`bfb${process.pid}`);
  try {
    const [from, to] = [await network.addHost('h1', 1), await network.addHost('h2', 2)];
    return await work(network, from, to);
  } finally {
    await network.close();
  }
}

async function measureAll(): Promise<Map<Way, Figures>> {
  const ways: readonly Way[] = [plain, ...backends];
  const samples = new Map<Way, Figures[]>(ways.map((way) => [way, []]));
  await withHosts(async (network, from, to) => {
    for (let round = 0; round < options.rounds; round++) {
      for (const way of ways) {
        pauseForInterruption();
        samples.get(way)?.push(await measure(network, from, to, way));
      }
    }
  });
  const median = (values: number[]) => percentile(values, 0.5);
  return new Map(
    [...samples].map(([way, taken]) => [
      way,
      { megabits: median(taken.map(({ megabits }) => megabits)), latencyUs: median(taken.map(({ latencyUs }) => latencyUs)) },
    ]),
  );
}

async function measure(network: FlannelHosts, from: FlannelHost, to: FlannelHost, way: Way): Promise<Figures> {
  // Routes by hand are what host-gw writes, left there without a daemon.
  await network.configure({ Network: '10.5.0.0/16', EnableNFTables: true, Backend: { Type: way === plain ? 'host-gw' : way } });
  await Promise.all([from.join(), to.join()]);
  const [, [address = '']] = [await from.addPod(), await to.addPod()];
  await reached(from, address);
  if (way === plain) await Promise.all([from.stop(), to.stop()]);
  const server = await startServer(to);
  try {
    const megabits = (await iperf(from, address, ['-t', String(options.seconds)])).end.sum_received.bits_per_second / 1e6;
    const light = await iperf(from, address, ['-t', String(options.seconds), '-b', '4M', '-l', '500', '-N']);
    return { megabits, latencyUs: light.end.streams[0]?.sender.mean_rtt ?? Number.NaN };
  } finally {
    server.kill('SIGKILL');
    await Promise.all([from.stop(), to.stop()]);
  }
}

const patience = 20;

async function reached(from: FlannelHost, address: string): Promise<void> {
  for (let attempt = 0; attempt < patience; attempt++) if (await from.podReaches(address)) return;
  throw new Error(`the pod ${address} can't be reached:\n${from.log}`);
}

async function startServer(host: FlannelHost): Promise<ChildProcess> {
  const [program = '', ...prefix] = host.inPod;
  const server = spawn(program, [...prefix, 'iperf3', '-s', '--forceflush'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('exit', (status) => reject(new Error(`the server of iperf3 ended with ${status}`)));
  createInterface(server.stdout).on('line', (line) => {
    if (line.includes('Server listening')) resolve();
  });
  await promise;
  return server;
}

/** The part of iperf3's report that is read: `mean_rtt` in microseconds. */
interface IperfReport {
  end: { sum_received: { bits_per_second: number }; streams: { sender: { mean_rtt: number } }[] };
}

async function iperf(host: FlannelHost, address: string, parameters: string[]): Promise<IperfReport> {
  const [program = '', ...prefix] = host.inPod;
  const { stdout } = await promisify(execFile)(program, [...prefix, 'iperf3', '-J', '-c', address, ...parameters], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout);
}

/** A figure a back end and kind; the peer's is that of plain routing each time. */
function figuresOf(measured: Map<Way, Figures>): { ours: Record<string, number>; peer: Record<string, number> } {
  const entries = (choose: (way: Way) => Figures | undefined) =>
    Object.fromEntries(
      backends.flatMap((way) => {
        const { megabits = Number.NaN, latencyUs = Number.NaN } = choose(way) ?? {};
        return [
          [`${way} Mbit/s`, megabits],
          [`${way} latency us`, latencyUs],
        ];
      }),
    );
  return { ours: { ...entries((way) => measured.get(way)), ...orders(measured) }, peer: entries(() => measured.get(plain)) };
}

function orders(measured: Map<Way, Figures>): Record<string, number> {
  const ratio = (kind: keyof Figures, way: Way, other: Way) => (measured.get(way)?.[kind] ?? 0) / (measured.get(other)?.[kind] ?? 0);
  return {
    'host-gw / vxlan, throughput': ratio('megabits', 'host-gw', 'vxlan'),
    'vxlan / udp, throughput': ratio('megabits', 'vxlan', 'udp'),
    'udp / vxlan, latency': ratio('latencyUs', 'udp', 'vxlan'),
  };
}

/** The back ends from the fastest on. */
function order(measured: Map<Way, Figures>): string {
  const sorted = backends.toSorted((a, b) => (measured.get(b)?.megabits ?? 0) - (measured.get(a)?.megabits ?? 0));
  return sorted.join(', ');
}

const unable = unableToMakeHosts() ?? (findOnPath('iperf3') ? undefined : 'iperf3 is not on PATH (Debian: iperf3)');
if (unable) {
  process.stderr.write(`flannel: ${unable}\n`);
  process.exit(1);
}

await interruptible(async () => {
  const measured = await measureAll();
  const { ours, peer } = figuresOf(measured);
  const figures = { ours, peer, ratios: ratiosOf(ours, peer) };
  report({ name: 'flannel', host: describeHost(), ...figures, bars: checkBars(bars, figures) }, options);
  if (!options.json) process.stdout.write(`\npeer: plain routing. From the fastest on: ${order(measured)}\n`);
});
