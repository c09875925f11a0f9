import { posix } from 'node:path';
import type { ContainerConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { ImageConfig } from '../image/images.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * What runs in a container, as Kubernetes puts image and request together: `command` replaces the image's entrypoint and
 * its arguments, `args` alone only the arguments.
 */
export function processArguments(config: ContainerConfig, image: ImageConfig, object: string): string[] {
  const command = config.command.length > 0 ? config.command : image.entrypoint;
  const imageArguments = config.command.length > 0 ? [] : image.cmd;
  const all = [...command, ...(config.args.length > 0 ? config.args : imageArguments)];
  if (all.length > 0) return all;
  throw new PluginError('INVALID_ARGUMENT', 'neither the image nor the container says what to run', { object, hint: 'set command' });
}

/** The image's variables, replaced and followed by the request's; PATH, HOSTNAME and, with a terminal, TERM where neither has them. */
export function processEnvironment(config: ContainerConfig, image: ImageConfig, hostname: string, object: string): string[] {
  const variables = new Map<string, string>([['PATH', defaultPath]]);
  if (hostname) variables.set('HOSTNAME', `HOSTNAME=${hostname}`);
  if (config.tty) variables.set('TERM', 'TERM=xterm');
  for (const variable of image.env) variables.set(variable.split('=', 1)[0] as string, variable);
  for (const { key, value } of config.envs) {
    if (key === '' || key.includes('=')) {
      throw new PluginError('INVALID_ARGUMENT', `envs: ${JSON.stringify(key.slice(0, 100))} is no name of a variable`, { object });
    }
    variables.set(key, `${key}=${text(value, key, object)}`);
  }
  return [...variables.values()];
}

/** The OCI runtime specification is JSON: a variable has to be text. */
function text(value: Uint8Array, key: string, object: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch (cause) {
    throw new PluginError('INVALID_ARGUMENT', `the value of ${key} is not UTF-8`, {
      object,
      hint: 'encode it, for example in base64',
      cause,
    });
  }
}

/** The request's, else the image's, else the root. INVALID_ARGUMENT for one that depends on where one stands. */
export function workingDirectory(config: ContainerConfig, image: ImageConfig, object: string): string {
  if (config.workingDir !== '' && !config.workingDir.startsWith('/')) {
    throw new PluginError('INVALID_ARGUMENT', `working_dir ${JSON.stringify(config.workingDir.slice(0, 100))} is not absolute`, { object });
  }
  // Images are run by builders that start at the root.
  return config.workingDir || posix.join('/', image.workingDir);
}
