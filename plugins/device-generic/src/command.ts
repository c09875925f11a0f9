import { readTask, workUntilTerminated } from '@berth/sdk/program';
import { pino } from 'pino';
import { readSettings, type Settings } from './configuration.ts';
import { DeviceFiles } from './device-files.ts';
import { commandLine, readCommandLine } from './flags.ts';
import { runGenericPlugin } from './generic-plugin.ts';
import { devicesOf } from './resource-devices.ts';

interface Task {
  settings: Settings;
  files: DeviceFiles;
  print: boolean;
}

/**
 * device-generic's whole program: reads flags and settings, logs on standard error (pino, JSON), and offers device files to the kubelet until SIGINT or
 * SIGTERM. Gives the exit status: 0 after a signal and after `--print`, 1 with one line of error where it can't go on, 2 for a command line or settings that
 * are wrong.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const packageFile = new URL('../package.json', import.meta.url);
  const task = readTask(argv, { name: 'device-generic', packageFile, commandLine, read });
  if (typeof task === 'number') return task;
  const { settings, files, print } = task;
  if (print) {
    process.stdout.write(`${JSON.stringify(describe(settings, files), undefined, 2)}\n`);
    return 0;
  }
  const log = pino({ name: 'device-generic' }, pino.destination({ dest: 2, sync: true }));
  return workUntilTerminated(log, (signal) => runGenericPlugin({ settings, files, log: (message) => log.info(message) }, signal));
}

function read(argv: readonly string[]): Task {
  const { config, fixture, pluginDirectory, print } = readCommandLine(argv);
  return { settings: { ...readSettings(config), ...(pluginDirectory && { pluginDirectory }) }, files: new DeviceFiles(fixture), print };
}

function describe({ resources }: Settings, files: DeviceFiles): object {
  return devicesOf(resources, files).map((resource) => {
    resource.look();
    return { resource: resource.name, devices: resource.devices.map((device) => ({ ...device, healthy: device.problem === undefined })) };
  });
}
