import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { kill } from '@berth/shim/oci/process-signal';
import { type MachineDirectory, machinePrograms } from './machine-directory.ts';

/** Longest that a killed process may take to be gone. */
const endDeadlineMs = 10_000;

/** Kills what still runs of a machine, the monitor first, and resolves when it is gone. */
export async function endProcesses(directory: MachineDirectory): Promise<void> {
  const found = await Promise.all(machinePrograms.map((program) => pidIn(directory.pidFile(program), directory.path)));
  const pids = found.filter((pid) => pid !== undefined);
  for (const pid of pids) kill(pid, 'SIGKILL');
  for (let waited = 0; waited < endDeadlineMs; waited += 10) {
    const left = await Promise.all(pids.map(hasEnded));
    if (left.every(Boolean)) return;
    await delay(10);
  }
  throw new PluginError('DEADLINE_EXCEEDED', `processes ${pids.join(', ')} don't end though they were killed`, { object: directory.path });
}

/** A pid may have become somebody else's: the command line of ours names the machine's directory. */
async function pidIn(file: string, directory: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  if (Number.isNaN(pid)) return undefined;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.includes(directory) ? pid : undefined;
}

/** A zombie has ended: when it is reaped is up to its parent. */
async function hasEnded(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return state === '' || /\) [ZX] [^)]*$/.test(state);
}
