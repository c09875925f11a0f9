import { readFileSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { untilTerminated } from '@berth/sdk/termination';
import { pino } from 'pino';
import { AllocationFileFinder } from './allocation/allocation-file-finder.ts';
import { describeGpus } from './describe.ts';
import type { GpuSource } from './discovery/gpu-source.ts';
import { openSource } from './discovery/open-source.ts';
import { type CommandLine, informationAskedFor, readCommandLine, usage } from './flags.ts';
import { GpuPlugin, type GpuPluginParts, watchOf } from './gpu-plugin.ts';
import { HostRoot } from './host-root.ts';
import { OfferedGpus } from './offered-gpus.ts';

/**
 * device-gpu's whole program: reads flags and settings, logs on standard error (pino, JSON), and offers GPUs to the kubelet until SIGINT or SIGTERM.
 * Gives the exit status: 0 after a signal and after `--print`, 1 with one line of error where it can't go on, 2 for a command line or settings that are wrong.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const invocation = read(argv);
  if (typeof invocation === 'number') return invocation;
  const ended = untilTerminated();
  const log = pino({ name: 'device-gpu' }, pino.destination({ dest: 2, sync: true }));
  try {
    await withSource(
      invocation,
      (message) => log.info(message),
      (parts) => (invocation.line.print ? print(parts, ended) : new GpuPlugin(parts).run(ended)),
    );
    return 0;
  } catch (thrown) {
    if (ended.aborted) return 0;
    log.fatal(PluginError.from(thrown).message);
    return 1;
  }
}

/** A command line, and the host that it is for. */
interface Invocation {
  line: CommandLine;
  host: HostRoot;
}

function read(argv: readonly string[]): Invocation | number {
  try {
    const information = informationAskedFor(argv);
    if (information !== undefined) {
      process.stdout.write(information === 'help' ? usage() : `${version()}\n`);
      return 0;
    }
    const line = readCommandLine(argv);
    return { line, host: hostAt(line.fixture) };
  } catch (thrown) {
    process.stderr.write(`device-gpu: ${PluginError.from(thrown).message}\n`);
    return 2;
  }
}

async function withSource(
  { line: { settings }, host }: Invocation,
  log: (message: string) => void,
  work: (parts: GpuPluginParts) => Promise<void>,
): Promise<void> {
  const source: GpuSource = await openSource(host, { kind: settings.discovery, migProfile: settings.migProfile, log });
  try {
    await work({ settings, host, source, log });
  } finally {
    await source.close().catch((thrown) => log(`${source.name} can't be closed: ${PluginError.from(thrown).message}`));
  }
}

function hostAt(fixture: string | undefined): HostRoot {
  try {
    return new HostRoot(fixture);
  } catch (thrown) {
    throw PluginError.from(thrown, 'INVALID_ARGUMENT', { object: `flag --fixture ${fixture}`, hint: 'name a directory' });
  }
}

async function print(parts: GpuPluginParts, signal: AbortSignal): Promise<void> {
  const { settings, host, source } = parts;
  const offered = new OfferedGpus(await watchOf(parts).look(signal), settings);
  const found = describeGpus(source.name, offered, await new AllocationFileFinder(host, settings).current(signal));
  process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
}

function version(): string {
  const { version: own } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return own;
}
