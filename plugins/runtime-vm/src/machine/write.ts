import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Resolves when the stream wants more. */
export async function write(stream: Writable, data: Uint8Array, signal: AbortSignal): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain', { signal });
}
