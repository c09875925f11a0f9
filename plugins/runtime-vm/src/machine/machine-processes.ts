import { PluginError } from '@berth/sdk/errors';
import { kill } from '@berth/shim/oci/process-signal';
import { endWithin, ownedPid } from '@berth/shim/process/owned-pid';
import { type MachineDirectory, machinePrograms } from './machine-directory.ts';

/** Longest that a killed process may take to be gone. */
const endDeadlineMs = 10_000;

/** Kills what still runs of a machine, the monitor first, and resolves when it is gone. */
export async function endProcesses(directory: MachineDirectory): Promise<void> {
  const isOwn = (commandLine: string[]): boolean => commandLine.some((argument) => argument.includes(directory.path));
  const found = await Promise.all(machinePrograms.map((program) => ownedPid(directory.pidFile(program), isOwn)));
  const pids = found.filter((pid) => pid !== undefined);
  for (const pid of pids) kill(pid, 'SIGKILL');
  if (await endWithin(pids, endDeadlineMs)) return;
  throw new PluginError('DEADLINE_EXCEEDED', `processes ${pids.join(', ')} don't end though they were killed`, { object: directory.path });
}
