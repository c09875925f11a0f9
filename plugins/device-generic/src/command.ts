import { readFileSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { untilTerminated } from '@berth/sdk/termination';
import { pino } from 'pino';
import { readSettings, type Settings } from './configuration.ts';
import { DeviceFiles } from './device-files.ts';
import { readCommandLine, usage } from './flags.ts';
import { runGenericPlugin } from './generic-plugin.ts';
import { devicesOf } from './resource-devices.ts';

interface Invocation {
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
  const invocation = read(argv);
  if (typeof invocation === 'number') return invocation;
  const { settings, files, print } = invocation;
  if (print) {
    process.stdout.write(`${JSON.stringify(describe(settings, files), undefined, 2)}\n`);
    return 0;
  }
  const ended = untilTerminated();
  const log = pino({ name: 'device-generic' }, pino.destination({ dest: 2, sync: true }));
  try {
    await runGenericPlugin({ settings, files, log: (message) => log.info(message) }, ended);
    return 0;
  } catch (thrown) {
    log.fatal(PluginError.from(thrown).message);
    return 1;
  }
}

function read(argv: readonly string[]): Invocation | number {
  try {
    const { config = '', fixture, 'plugin-directory': pluginDirectory, print = false, help, version: wantsVersion } = readCommandLine(argv);
    if (help) process.stdout.write(usage());
    else if (wantsVersion) process.stdout.write(`${version()}\n`);
    else return { settings: { ...readSettings(config), ...(pluginDirectory && { pluginDirectory }) }, files: filesOf(fixture), print };
    return 0;
  } catch (thrown) {
    process.stderr.write(`device-generic: ${PluginError.from(thrown).message}\n`);
    return 2;
  }
}

function filesOf(fixture: string | undefined): DeviceFiles {
  try {
    return new DeviceFiles(fixture);
  } catch (thrown) {
    throw PluginError.from(thrown, 'INVALID_ARGUMENT', { object: `flag --fixture ${fixture}`, hint: 'name a directory' });
  }
}

function describe({ resources }: Settings, files: DeviceFiles): object {
  return devicesOf(resources, files).map((resource) => {
    resource.look();
    return { resource: resource.name, devices: resource.devices.map((device) => ({ ...device, healthy: device.problem === undefined })) };
  });
}

function version(): string {
  const { version: own } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return own;
}
