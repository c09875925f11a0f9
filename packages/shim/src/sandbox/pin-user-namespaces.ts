import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { runProgram } from '../run-program.ts';
import { type NamespaceKind, namespaceNames } from './namespace-names.ts';
import { type IdMappings, mapFile } from './user-namespace.ts';

/**
 * Makes a user namespace, and those that belong to it in it: root of a pod has power over its network only where that was made inside.
 * A process holds them all until each is pinned by a bind mount from outside, where alone that can be done.
 */
export async function pinUserNamespaces(
  pins: Partial<Record<NamespaceKind, string>>,
  mappings: IdMappings,
  hostname: string,
  signal: AbortSignal,
): Promise<void> {
  const kinds = Object.entries(pins) as [NamespaceKind, string][];
  const holder = spawn('unshare', [...kinds.map(([kind]) => `--${namespaceNames[kind]}`), 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    await unlessAborted(made(holder), AbortSignal.any([signal, AbortSignal.timeout(30_000)]));
    await writeFile(`/proc/${holder.pid}/uid_map`, mapFile(mappings.uids));
    await writeFile(`/proc/${holder.pid}/gid_map`, mapFile(mappings.gids));
    for (const [kind, pin] of kinds)
      await runProgram('mount', ['--bind', `/proc/${holder.pid}/ns/${namespaceNames[kind]}`, pin], { signal });
  } finally {
    holder.kill('SIGKILL');
  }
  if (pins.uts !== undefined && hostname) await runProgram('nsenter', [`--uts=${pins.uts}`, 'hostname', hostname], { signal });
}

/** Resolves once the program that unshare(1) runs is there: it says what it hears. */
async function made(holder: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = (cause: unknown): void =>
    reject(
      new PluginError('FAILED_PRECONDITION', `unshare(1) can't make one: ${cause instanceof Error ? cause.message : `status ${cause}`}`, {
        object: 'user namespace',
        hint: 'look at /proc/sys/user/max_user_namespaces',
        cause,
      }),
    );
  holder.once('error', failed).once('exit', failed);
  holder.stdout?.once('data', () => resolve());
  // What can't be written to has ended, which is told by that.
  holder.stdin?.on('error', () => undefined).write('\n');
  await promise;
}
