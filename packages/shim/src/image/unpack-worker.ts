// The thread that unpacks layers: see unpack-thread.ts.
import { parentPort } from 'node:worker_threads';
import { type Code, PluginError } from '@berth/sdk/errors';
import { type LayerSource, type UnpackedSize, writeLayer } from './write-layer.ts';

/** What the thread is sent: a layer to unpack, or that it should leave one. */
export type Order = { id: number; layer: { source: LayerSource; target: string } } | { id: number; layer?: never };

/** What the thread sends when it is done with a layer. */
export type Outcome = { id: number; size: UnpackedSize; failure?: never } | { id: number; size?: never; failure: LayerFailure };

/** A PluginError as a message can carry it; `errno` and `syscall` are of the system call that failed. */
export interface LayerFailure {
  code: Code;
  message: string;
  errno?: string | undefined;
  syscall?: string | undefined;
}

const unpacking = new Map<number, AbortController>();

parentPort?.on('message', ({ id, layer }: Order) => {
  if (layer) void unpack(id, layer.source, layer.target).then((outcome) => parentPort?.postMessage(outcome));
  else unpacking.get(id)?.abort();
});

async function unpack(id: number, source: LayerSource, target: string): Promise<Outcome> {
  const aborted = new AbortController();
  unpacking.set(id, aborted);
  try {
    return { id, size: await writeLayer(source, target, aborted.signal) };
  } catch (error) {
    return { id, failure: failureOf(error) };
  } finally {
    unpacking.delete(id);
  }
}

function failureOf(thrown: unknown): LayerFailure {
  const { code, message, cause } = PluginError.from(thrown, 'INVALID_ARGUMENT');
  const { code: errno, syscall } = (cause ?? {}) as NodeJS.ErrnoException;
  return { code, message, errno, syscall };
}
