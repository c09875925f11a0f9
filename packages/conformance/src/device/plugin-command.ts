import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { devicePluginPath } from '@berth/sdk/device/constants';
import { PluginError } from '@berth/sdk/errors';

/** In the plugin's command: the kubelet's directory for device plugins. */
const directoryPlaceholder = '{dir}';

/** In its environment likewise. */
export const directoryVariable = 'DEVICE_PLUGIN_DIRECTORY';

export interface PluginCommandOptions {
  /** A line for the shell. */
  command: string;
  /** Where the plugin looks for the kubelet, unless the command says it. Default: `/var/lib/kubelet/device-plugins`. */
  pluginDirectory?: string;
}

/** What is to be executed. */
export interface CommandLine {
  program: string;
  parameters: string[];
  env: Record<string, string | undefined>;
}

/**
 * In a mount namespace: the run's directory ($1) is mounted where the plugin looks ($2). Where that isn't there, it is made in an overlay of what is there above
 * it, so that the host stays as it is; its changes are in a file system of their own at $3.
 */
const mountScript = `set -e
place=$2
if [ ! -d "$place" ]; then
  parent=$place
  while [ ! -d "$parent" ]; do parent=$(dirname "$parent"); done
  mount -t tmpfs tmpfs "$3"
  mkdir "$3/upper" "$3/work"
  mount -t overlay -o "lowerdir=$parent,upperdir=$3/upper,workdir=$3/work" overlay "$parent"
  mkdir -p "$place"
fi
mount --bind "$1" "$place"
exec sh -c "$4"`;

/**
 * How the plugin is started so that it takes `directory` for the kubelet's. A command with {dir} is told; any other, as root on Linux, gets a mount namespace
 * in which it is at the usual place. INVALID_ARGUMENT for a pluginDirectory that can't be had.
 */
export function commandLine({ command, pluginDirectory }: PluginCommandOptions, directory: string, changes: string): CommandLine {
  const env = { ...process.env, [directoryVariable]: directory };
  const isTold = command.includes(directoryPlaceholder);
  if (!isTold && canMount()) {
    const parameters = [directory, pluginDirectory ?? devicePluginPath, changes, command];
    return {
      program: 'unshare',
      parameters: ['--mount', '--propagation', 'slave', '--', 'sh', '-c', mountScript, 'sh', ...parameters],
      env,
    };
  }
  if (pluginDirectory !== undefined) {
    throw new PluginError(
      'INVALID_ARGUMENT',
      isTold ? `the command has ${directoryPlaceholder}` : 'mounting needs root on Linux, and unshare',
      {
        object: `--plugin-directory ${pluginDirectory}`,
        hint: isTold
          ? 'leave one of them out'
          : `run as root, or have the command tell the plugin its directory by ${directoryPlaceholder}`,
      },
    );
  }
  return { program: 'sh', parameters: ['-c', command.replaceAll(directoryPlaceholder, directory)], env };
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  return (process.env.PATH ?? '').split(':').some((path) => existsSync(join(path, 'unshare')));
}
