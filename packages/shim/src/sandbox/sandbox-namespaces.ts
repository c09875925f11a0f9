import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absent } from '../files/absent.ts';
import { unmountIfMounted } from '../mount-points.ts';
import type { SandboxSpec } from '../runtime.ts';
import { makeNamespaces } from './make-namespaces.ts';
import type { NamespaceKind } from './namespace-names.ts';
import { pinUserNamespaces } from './pin-user-namespaces.ts';
import type { IdMappings } from './user-namespace.ts';

/** Where namespaces of `kinds` will be pinned in `directory`. */
export function planNamespaces(directory: string, kinds: NamespaceKind[]): SandboxSpec['namespaces'] {
  return Object.fromEntries(kinds.map((kind) => [kind, join(directory, kind)]));
}

/**
 * Makes namespaces that live without a process: each is held by a bind mount of its file in `directory` (namespaces(7)).
 * The host name is set where there is a UTS namespace. With `idMappings` they belong to a user
 * namespace with these ids, which is among `kinds`.
 */
export async function pinNamespaces(
  directory: string,
  kinds: NamespaceKind[],
  hostname: string,
  signal: AbortSignal,
  idMappings?: IdMappings,
): Promise<SandboxSpec['namespaces']> {
  if (kinds.length === 0) return {};
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pins = planNamespaces(directory, kinds);
  for (const pin of Object.values(pins)) await writeFile(pin, '', { mode: 0o400 });
  if (idMappings) {
    await pinUserNamespaces(pins, idMappings, hostname, signal);
    return pins;
  }
  makeNamespaces(pins, hostname);
  return pins;
}

/** Lets go of the namespaces pinned in `directory`, whatever is left of them. */
export async function unpinNamespaces(directory: string, signal: AbortSignal): Promise<void> {
  const pins = await readdir(directory).catch(absent);
  if (!pins) return;
  await unmountIfMounted(
    pins.map((pin) => join(directory, pin)),
    signal,
  );
  await rm(directory, { recursive: true, force: true });
}
