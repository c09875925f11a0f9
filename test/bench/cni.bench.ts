// npm run bench -- cni [--vs DIRECTORY] [--count N] [--pairs N] [--json] [--check]
// Our CNI plugins bridge and host-local, executed as a runtime does, and those of DIRECTORY beside them, in namespaces of the bench's own.
import { join } from 'node:path';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { PluginServers } from '../../packages/shim/src/network/plugin-servers.ts';
import { repository } from '../fixtures/tools.ts';
import { AddressStore } from './address-store.ts';
import { type Bar, checkBars } from './bars.ts';
import { benchOptions } from './bench-options.ts';
import { addressOf, CniExecutables, installAnew, makeNamespaces, referenceDirectory } from './cni-executables.ts';
import { concurrently } from './concurrently.ts';
import { pauseForInterruption, waitOrInterruption } from './interruption.ts';
import { inOwnNamespaces } from './own-namespaces.ts';
import { describeHost, percentile, ratiosOf, report } from './report.ts';
import { stopwatch } from './stopwatch.ts';

const atOnce = 200;
const taken = 60_000;
/** The reference takes a second for a pair of calls. */
const largeRuns = { rewritten: 3, untouched: 10 };
/** Calls of host-local that go on at a time. */
const concurrency = 4;
const executedPairs = 1000;
const network = 'bench';
const unpacked = join(repository, '.cache/debian/usr/lib/cni');
const reference = (asked: string) => referenceDirectory(asked.replace(/\/+$/, ''), unpacked);

const options = benchOptions<{ vs?: string; count: number; pairs: number }>('cni', (command) =>
  command
    .option('--vs <directory>', "measure the plugins there too; Debian's unpacked ones where /usr/lib/cni holds none", reference)
    .option('--count <n>', 'how often each call of bridge is timed', wholeNumber, 40)
    .option('--pairs <n>', 'how many pairs of ADD and DEL must leave the store empty', wholeNumber, 10_000),
);

const figures = {
  distinct: `addresses of ${atOnce} ADDs at once`,
  left: `addresses left by ${options.pairs} pairs`,
  search: `host-local ADD, ${taken} taken, p50 ms`,
};
const bars: Bar[] = [
  { figure: 'ADD p50 ms', of: 'ours/peer', atMost: 1.3 },
  { figure: 'DEL p50 ms', of: 'ours/peer', atMost: 1.3 },
  { figure: figures.distinct, of: 'ours', atLeast: atOnce },
  { figure: figures.left, of: 'ours', atMost: 0 },
  { figure: figures.search, of: 'ours', atMost: 60 },
];

/** One side's plugins, with bridges and stores that the other doesn't touch. */
interface Side {
  directory: string;
  bridge: string;
  /** The first half of its addresses. */
  prefix: string;
  dataDir: string;
  figures: Record<string, number>;
}

function executables({ directory, bridge, prefix, dataDir }: Side, keys: object = {}): CniExecutables {
  const ipam = { type: 'host-local', dataDir, ranges: [[{ subnet: `${prefix}.0.0/16` }]] };
  return new CniExecutables(directory, { cniVersion: '1.0.0', name: network, bridge, isGateway: true, ...keys, ipam });
}

/** Longer than the kernel's grace periods (RCU), two of which a DEL waits for. */
const longestWaitMs = 30;

/**
 * p50 of ADD and DEL of bridge, which delegates to host-local. The sides take turns, so that what slows the host slows both; and a DEL
 * comes at any moment, since one that followed the ADD at once would always meet the kernel's grace periods at the same point.
 */
async function timeBridge(sides: Side[], netns: string, name: string, keys: object): Promise<void> {
  const timings = sides.map((side) => ({ side, plugins: executables(side, keys), add: [] as number[], del: [] as number[] }));
  // The first of each makes its bridge.
  for (let round = -1; round < options.count; round++) {
    for (const { plugins, add, del } of timings) {
      const attachment = { containerId: `pod-${round + 1}`, netns };
      const added = plugins.time('bridge', 'ADD', attachment);
      await waitOrInterruption(Math.random() * longestWaitMs);
      const deleted = plugins.time('bridge', 'DEL', attachment);
      if (round < 0) continue;
      add.push(added);
      del.push(deleted);
    }
  }
  for (const { side, add, del } of timings) {
    side.figures[`ADD${name} p50 ms`] = percentile(add, 0.5);
    side.figures[`DEL${name} p50 ms`] = percentile(del, 0.5);
  }
}

/** ADDs that all start at the same moment, each in a namespace of its own. */
async function addAtOnce(side: Side, namespaces: string[]): Promise<void> {
  pauseForInterruption();
  const plugins = executables(side);
  const attachments = namespaces.map((netns, index) => ({ containerId: `at-once-${index}`, netns }));
  const clock = stopwatch();
  const results = await Promise.all(attachments.map((attachment) => plugins.run('bridge', 'ADD', attachment)));
  side.figures[`${atOnce} ADDs at once, s`] = clock() / 1000;
  side.figures[figures.distinct] = new Set(results.map(addressOf)).size;
  await concurrently(attachments, concurrency, (attachment) => plugins.run('bridge', 'DEL', attachment));
}

/** Pairs of host-local alone, some at a time: the first ones by executing it, which would take minutes for all, the others as our shim calls it. */
async function addAndDelete(side: Side): Promise<void> {
  const plugins = executables(side);
  const servers = new PluginServers();
  const clock = stopwatch();
  const attachments = Array.from({ length: options.pairs }, (_, index) => ({ containerId: `pair-${index}` }));
  await concurrently(attachments.slice(0, executedPairs), concurrency, async (attachment) => {
    pauseForInterruption();
    for (const verb of ['ADD', 'DEL'] as const) await plugins.run('host-local', verb, attachment);
  });
  await concurrently(attachments.slice(executedPairs), concurrency, async (attachment) => {
    pauseForInterruption();
    for (const verb of ['ADD', 'DEL'] as const) await plugins.ask(servers, 'host-local', verb, attachment);
  }).finally(() => servers.close());
  side.figures[`${options.pairs} pairs of host-local, ${concurrency} at a time, s`] = clock() / 1000;
  side.figures[figures.left] = new AddressStore(side.dataDir, network).addresses().length;
}

/** A search that begins where the taken addresses do: it has to pass all of them. */
function timeSearch(sides: Side[]): void {
  const searches = sides.map((side) => {
    const dataDir = join(side.dataDir, 'large');
    const store = new AddressStore(dataDir, network);
    store.fill(side.prefix, taken);
    return { side, store, plugins: executables({ ...side, dataDir }), add: [] as number[], del: [] as number[], rewritten: [] as number[] };
  });
  for (let round = 0; round < largeRuns.rewritten + largeRuns.untouched; round++) {
    pauseForInterruption();
    for (const { side, store, plugins, add, del, rewritten } of searches) {
      store.searchFrom(`${side.prefix}.0.1`);
      const isRewritten = round < largeRuns.rewritten;
      if (isRewritten) store.touch();
      const attachment = { containerId: `pod-${round}` };
      (isRewritten ? rewritten : add).push(plugins.time('host-local', 'ADD', attachment));
      const deleted = plugins.time('host-local', 'DEL', attachment);
      if (!isRewritten) del.push(deleted);
    }
  }
  for (const { side, add, del, rewritten } of searches) {
    side.figures[figures.search] = percentile(add, 0.5);
    side.figures["the same after another plugin's ADD or DEL, p50 ms"] = percentile(rewritten, 0.5);
    side.figures[`host-local DEL, ${taken} taken, p50 ms`] = percentile(del, 0.5);
  }
}

function progress(text: string): void {
  process.stderr.write(`${text} ...\n`);
}

await inOwnNamespaces(async (scratch) => {
  const side = (plugins: string, name: string, prefix: string): Side => {
    const directory = installAnew(plugins, join(scratch, 'plugins', name));
    return { directory, prefix, bridge: `${name}0`, dataDir: join(scratch, name), figures: {} };
  };
  const ours = side(process.env.BERTH_CNI_BIN_DIR ?? join(repository, '.cache/cni/bin'), 'ours', '10.77');
  const peer = options.vs && side(options.vs, 'peer', '10.78');
  if (options.vs === unpacked) process.stderr.write(`/usr/lib/cni holds no plugins: using Debian's in ${unpacked}\n`);
  const sides = [ours, ...(peer ? [peer] : [])];
  const namespaces = makeNamespaces(join(scratch, 'namespaces'), atOnce);
  const [netns = ''] = namespaces;

  progress(`bridge and host-local, ${options.count} ADDs and DELs, then as many with ipMasq`);
  await timeBridge(sides, netns, '', {});
  await timeBridge(sides, netns, ' with ipMasq', { ipMasq: true });
  progress(`${atOnce} ADDs of bridge and host-local at once`);
  for (const each of sides) await addAtOnce(each, namespaces);
  progress(`host-local in a /16 with ${taken} addresses taken`);
  timeSearch(sides);
  progress(
    `${options.pairs} pairs of ADD and DEL of host-local, ${concurrency} at a time: ${executedPairs} by execution, the others by a program that serves`,
  );
  await addAndDelete(ours);

  const result = { ours: ours.figures, ...(peer && { peer: peer.figures, ratios: ratiosOf(ours.figures, peer.figures) }) };
  report({ name: 'cni', host: describeHost(), ...result, bars: checkBars(bars, result) }, options);
});
