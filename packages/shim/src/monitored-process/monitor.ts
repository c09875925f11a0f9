import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { ContainerLog, type LogStream } from '../container-log.ts';
import { exitCodeOf } from '../exit-code.ts';
import { readJson, writeJson } from '../files/json-file.ts';
import { kill } from '../oci/process-signal.ts';
import type { Exit } from '../runtime.ts';
import { type Answer, files, type MonitoredCommand } from './monitor-files.ts';

/** How long the log stays open for processes that have left the group. */
const drainLimitMs = 1000;

/** How long is waited until an exit file that couldn't be written is tried again. */
const exitRetryMs = 500;

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Runs the command of a directory to its end. */
async function monitor(directory: string): Promise<void> {
  const command = await readJson<MonitoredCommand>(join(directory, files.command));
  if (!command) throw new Error(`${join(directory, files.command)} is gone`);
  const log = await ContainerLog.open(command.logPath ?? '');
  const child = spawnGroup(command);
  // In the same turn as the start, and so are signals handled: whoever ends the monitor ends the process too.
  if (child.pid !== undefined) writeFileSync(join(directory, files.process), String(child.pid), { mode: 0o600 });
  const removed = new AbortController();
  process.on('SIGTERM', () => {
    removed.abort();
    endGroup(child);
  });
  process.on('SIGHUP', () => void log.reopen().catch(() => undefined));
  const copied = (['stdout', 'stderr'] as const).map((stream) => copy(child, stream, log));
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals]>;
  await Promise.race([once(child, 'spawn'), ended]);
  answer({});
  const [code, signal] = await ended;
  // As at the end of a PID namespace: who has inherited its output would keep the log open.
  endGroup(child);
  await Promise.race([Promise.allSettled(copied), setTimeout(drainLimitMs, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  await log.close().catch(() => undefined);
  await writeExit(directory, { exitCode: code ?? exitCodeOf(signal), finishedAt: new Date() }, removed.signal);
}

/** Only this file tells how it ended: a full disk delays that, until the process is removed. */
async function writeExit(directory: string, exit: Exit, removed: AbortSignal): Promise<void> {
  while (!removed.aborted) {
    try {
      return await writeJson(join(directory, files.exit), exit);
    } catch {
      await setTimeout(exitRetryMs, undefined, { signal: removed }).catch(() => undefined);
    }
  }
}

function spawnGroup({ args: [program = '', ...args], env, cwd }: MonitoredCommand): Child {
  const variables = Object.fromEntries(env.map((variable) => variable.split(/=(.*)/s).slice(0, 2)));
  return spawn(program, args, { cwd, env: variables, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
}

function endGroup({ pid }: Child): void {
  if (pid !== undefined) kill(-pid, 'SIGKILL');
}

/** A full disk costs the log some lines: to wait for room would stop the process. */
async function copy(child: Child, stream: LogStream, log: ContainerLog): Promise<void> {
  for await (const data of child[stream]) await log.write(stream, data).catch(() => undefined);
}

function answer(said: Answer): void {
  // The shim may be gone by now.
  if (process.connected) process.send?.(said, () => process.disconnect());
}

// A shim that ends before it has said so has no record of this monitor: without the channel nothing holds the loop, and it ends.
await once(process, 'message');
process.on('error', () => undefined);
try {
  await monitor(process.argv[2] ?? '');
} catch (error) {
  answer({ error: (error as Error).message });
  process.exitCode = 1;
}
