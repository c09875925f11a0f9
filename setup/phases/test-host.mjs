// A host of its own for each of the phases that run beside each other.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pathWithTools, root } from '../paths.mjs';

/** What a phase sees of the host: a network of its own, or the host's, which reaches others. @typedef {'own' | 'shared'} Network */

const script = join(root, 'setup/phases/test-host.sh');

/**
 * A command that is run as if on a host of its own.
 * @param {string} name of its cgroups
 * @param {Network} network
 * @param {string[]} command with its arguments
 * @returns {string[]}
 */
export function onTestHost(name, network, command) {
  return [script, 'begin', network, `berth-test-${name}-${process.pid}`, ...command];
}

/** Whether this user may make hosts of their own here; not on macOS, as an ordinary user, or in most containers. @returns {Promise<boolean>} */
export async function canMakeTestHosts() {
  const [file, ...args] = onTestHost('try', 'own', ['true']);
  return promisify(execFile)(file, args, { env: { ...process.env, PATH: pathWithTools() }, timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}
