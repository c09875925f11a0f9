import { stat } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import { escaped } from '@berth/sdk/quoted';
import { UnpackThread } from './unpack-thread.ts';
import { type LayerSource, type UnpackedSize, writeLayer } from './write-layer.ts';

export type { LayerSource, UnpackedSize } from './write-layer.ts';

/** A packed layer up to so many bytes isn't worth another thread, which takes 100 ms to start. */
const smallLayer = 256 * 1024;
const thread = new UnpackThread();

/**
 * Unpacks a layer into the new directory `target`, as a lower directory of overlayfs. Nothing is written outside it and its parent, which
 * is the caller's for this layer alone. Memory stays bounded whatever the layer holds. On failure `target` is left half done, for the
 * caller to remove.
 *
 * Another thread does it, so that this one stays free for other requests.
 */
export async function unpackLayer(source: LayerSource, target: string, signal: AbortSignal): Promise<UnpackedSize> {
  const object = `layer ${source.diffId}`;
  if (process.getuid?.() !== 0) {
    throw new PluginError('PERMISSION_DENIED', 'unpacking needs root, for owners, devices and overlayfs attributes', {
      object,
      hint: 'run as root, or use --runtime fake',
    });
  }
  try {
    signal.throwIfAborted();
    const { size } = await stat(source.blob);
    return await (size > smallLayer ? thread.unpack(source, target, signal) : writeLayer(source, target, signal));
  } catch (error) {
    throw named(error, object);
  }
}

/** The layer's name in front; a system call's message names the file, which the layer has named, and its code keeps its meaning. */
function named(thrown: unknown, object: string): PluginError {
  const error = PluginError.from(thrown, 'INVALID_ARGUMENT');
  return new PluginError(error.code, escaped(error.message), { object, cause: error.cause ?? thrown });
}
