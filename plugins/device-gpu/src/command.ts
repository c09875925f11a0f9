import { PluginError } from '@berth/sdk/errors';
import { readTask, workUntilTerminated } from '@berth/sdk/program';
import { pino } from 'pino';
import { AllocationFileFinder } from './allocation/allocation-file-finder.ts';
import { describeGpus } from './describe.ts';
import type { GpuSource } from './discovery/gpu-source.ts';
import { openSource } from './discovery/open-source.ts';
import { type CommandLine, commandLine, readCommandLine } from './flags.ts';
import { GpuPlugin, type GpuPluginParts, watchOf } from './gpu-plugin.ts';
import { HostRoot } from './host-root.ts';
import { OfferedGpus } from './offered-gpus.ts';

/**
 * device-gpu's whole program: reads flags and settings, logs on standard error (pino, JSON), and offers GPUs to the kubelet until SIGINT or SIGTERM.
 * Gives the exit status: 0 after a signal and after `--print`, 1 with one line of error where it can't go on, 2 for a command line or settings that are wrong.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const packageFile = new URL('../package.json', import.meta.url);
  const task = readTask(argv, { name: 'device-gpu', packageFile, commandLine, read });
  if (typeof task === 'number') return task;
  const log = pino({ name: 'device-gpu' }, pino.destination({ dest: 2, sync: true }));
  return workUntilTerminated(log, (signal) =>
    withSource(
      task,
      (message) => log.info(message),
      (parts) => (task.line.print ? print(parts, signal) : new GpuPlugin(parts).run(signal)),
    ),
  );
}

/** A command line, and the host that it is for. */
interface Task {
  line: CommandLine;
  host: HostRoot;
}

function read(argv: readonly string[]): Task {
  const line = readCommandLine(argv);
  return { line, host: new HostRoot(line.fixture) };
}

async function withSource(
  { line: { settings }, host }: Task,
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

async function print(parts: GpuPluginParts, signal: AbortSignal): Promise<void> {
  const { settings, host, source } = parts;
  const offered = new OfferedGpus(await watchOf(parts).look(signal), settings);
  const found = describeGpus(source.name, offered, await new AllocationFileFinder(host, settings).current(signal));
  process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
}
