import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { mountPoints } from '@berth/shim/mount-points';
import { runProgram } from '@berth/shim/run-program';
import type { MachineNetwork } from '../machine/machine-config.ts';
import { guestInterface, type LinkDescription, type RouteDescription } from './sandbox-interface.ts';
import { redirectCommands, sandboxInterface, tapCommands, tapInterface } from './tap.ts';

/** Puts a tap into a sandbox's network namespace, joined to the interface that CNI made. `directory` is for the commands. */
export async function joinNetwork(namespace: string, directory: string, signal: AbortSignal): Promise<MachineNetwork> {
  const [link, routes] = await Promise.all([readLink(namespace, signal), readRoutes(namespace, signal)]);
  const network = { namespace, tap: tapInterface, mac: link.address, interface: guestInterface(link, routes) };
  await batch('ip', tapCommands(link.mtu), namespace, directory, signal);
  await batch('tc', redirectCommands(), namespace, directory, signal);
  return network;
}

/** Takes tap and redirection away, as far as they are there. */
export async function leaveNetwork(namespace: string, signal: AbortSignal): Promise<void> {
  if (!(await mountPoints()).has(namespace)) return;
  await unlessMissing(inside(namespace, ['tc', 'qdisc', 'del', 'dev', sandboxInterface, 'ingress'], signal));
  await unlessMissing(inside(namespace, ['ip', 'link', 'del', 'dev', tapInterface], signal));
}

async function readLink(namespace: string, signal: AbortSignal): Promise<LinkDescription> {
  const [link] = JSON.parse(await inside(namespace, ['ip', '-j', 'address', 'show', 'dev', sandboxInterface], signal)) as LinkDescription[];
  if (link) return link;
  throw new PluginError('FAILED_PRECONDITION', 'CNI made no such interface', { object: `${sandboxInterface} of the sandbox` });
}

async function readRoutes(namespace: string, signal: AbortSignal): Promise<RouteDescription[]> {
  const listed = await Promise.all(
    ['-4', '-6'].map((family) => inside(namespace, ['ip', '-j', family, 'route', 'show', 'dev', sandboxInterface], signal)),
  );
  return listed.flatMap((json) => JSON.parse(json || '[]') as RouteDescription[]);
}

async function batch(program: string, commands: string[], namespace: string, directory: string, signal: AbortSignal): Promise<void> {
  const file = join(directory, `${program}.batch`);
  await writeFile(file, commands.map((command) => `${command}\n`).join(''), { mode: 0o600 });
  await inside(namespace, [program, '-batch', file], signal);
}

async function inside(namespace: string, command: string[], signal: AbortSignal): Promise<string> {
  return runProgram('nsenter', [`--net=${namespace}`, ...command], { signal });
}

async function unlessMissing(command: Promise<string>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (!/Cannot find|does not exist|No such|Invalid handle/i.test(PluginError.from(error).message)) throw error;
  }
}
