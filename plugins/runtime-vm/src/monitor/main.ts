import { writeFile } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import { MachineMonitorService } from '@berth/sdk/machine-monitor';
import { serve } from '@berth/sdk/serve';
import { readJson } from '@berth/shim/files/json-file';
import { ExitFiles } from '@berth/shim/oci/exit-files';
import type { MachineConfig } from '../machine/machine-config.ts';
import { MachineDirectory } from '../machine/machine-directory.ts';
import { Machine } from './machine.ts';
import { MachineMonitor } from './machine-monitor.ts';
import { tellStarter } from './started.ts';

/** How long who watches may take to hear why the machine ended. */
const closeGraceMs = 500;

/** Runs one machine from its boot to its end, and serves the shim all the while. */
async function run(directory: MachineDirectory): Promise<void> {
  await writeFile(directory.pidFile('monitor'), String(process.pid), { mode: 0o600 });
  const config = await readJson<MachineConfig>(directory.config);
  if (!config) throw new PluginError('NOT_FOUND', 'there is no such file', { object: directory.config });
  const machine = new Machine(config, directory);
  const monitor = new MachineMonitor(machine, new ExitFiles(config.exitDirectory));
  await machine.boot();
  try {
    await serveMachine(machine, monitor, directory);
  } finally {
    await machine.stop();
  }
}

/** Until the machine has ended. */
async function serveMachine(machine: Machine, monitor: MachineMonitor, directory: MachineDirectory): Promise<void> {
  const served = await serve(`unix://${directory.monitorSocket}`, [[MachineMonitorService, monitor.implementation(() => machine.stop())]]);
  try {
    tellStarter({ ready: true });
    const reason = await machine.ended;
    if (reason !== undefined) await leaveReason(reason, machine, directory);
    await monitor.close();
  } finally {
    await served.close(closeGraceMs);
  }
}

async function leaveReason(reason: string, { consoleLines }: Machine, { endReason }: MachineDirectory): Promise<void> {
  console.error([...consoleLines.map((line) => `console: ${line}`), reason].join('\n'));
  // A shim that watches hears it all the same.
  await writeFile(endReason, reason, { mode: 0o600 }).catch((error: Error) => console.error(error.message));
}

const [path = ''] = process.argv.slice(2);
try {
  await run(new MachineDirectory(path));
} catch (error) {
  const { code, message } = PluginError.from(error);
  console.error(message);
  tellStarter({ ready: false, code, message });
  process.exitCode = 1;
}
