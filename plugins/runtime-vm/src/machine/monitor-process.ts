import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { Started } from '../monitor/started.ts';
import type { MachineDirectory } from './machine-directory.ts';

/**
 * Starts the monitor of the machine that `directory` describes, as a process that outlives this one. Resolves when the guest
 * is there; throws why not, and then neither monitor nor machine run.
 */
export async function startMonitor(directory: MachineDirectory, signal: AbortSignal): Promise<void> {
  const monitor = spawnMonitor(directory);
  try {
    const [started] = (await unlessAborted(Promise.race([once(monitor, 'message'), died(monitor, directory)]), signal)) as [Started];
    if (!started.ready) throw new PluginError(started.code, started.message);
  } catch (error) {
    monitor.kill('SIGKILL');
    throw error;
  } finally {
    if (monitor.connected) monitor.disconnect();
    monitor.unref();
  }
}

function spawnMonitor(directory: MachineDirectory): ChildProcess {
  const log = openSync(directory.log, 'a', 0o600);
  try {
    const main = fileURLToPath(import.meta.resolve('@berth/runtime-vm/monitor'));
    return spawn(process.execPath, [...process.execArgv, main, directory.path], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log, 'ipc'],
    });
  } finally {
    closeSync(log);
  }
}

async function died(monitor: ChildProcess, directory: MachineDirectory): Promise<never> {
  const [code, by] = (await once(monitor, 'exit')) as [number | null, string | null];
  const said = (await readFile(directory.log, 'utf8').catch(() => '')).trim().split('\n').at(-1);
  throw new PluginError('INTERNAL', `it ended ${by === null ? `with status ${code}` : `by ${by}`} before the machine was up: ${said}`, {
    object: 'monitor of the machine',
  });
}
