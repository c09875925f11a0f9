import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { absent } from '@berth/shim/files/absent';
import { LayeredImages } from '@berth/shim/image/store';
import { findWrittenContainer } from '@berth/shim/written-container';
import { type ImageStore, listings, registryTimeoutMs } from './image-store.ts';

const archiveTimeoutMs = 1_800_000;

/** The node's layered store: safe to use while shims use it. */
export function nodeStore(root: string, registryConfigPath?: string): ImageStore {
  const directory = join(root, 'images');
  const images = new LayeredImages(directory, { ...(registryConfigPath !== undefined && { registryConfigPath }) });
  const using = <Result>(work: () => Promise<Result>): Promise<Result> => permitted(directory, work);
  return {
    list: () => using(async () => (await images.list()).flatMap(listings)),
    remove: (reference) => using(() => images.untag(reference)),
    pull: (reference, auth, signal) =>
      using(() => images.pull(reference, { auth, sandbox: undefined }, limited(signal, registryTimeoutMs))),
    push: (reference, auth, signal) => using(() => images.push(reference, auth, limited(signal, registryTimeoutMs))),
    load: (file, signal) =>
      using(async () => {
        const source = file === '-' ? process.stdin : file;
        const loaded = await images.load(source, {}, limited(signal, archiveTimeoutMs));
        return loaded.flatMap(({ names, id }) => (names.length > 0 ? names : [id]));
      }),
    tag: (reference, name) => using(() => images.tag(reference, name)),
    save: (references, file, format, signal) =>
      using(() => images.save(references, file === '-' ? process.stdout : file, format, limited(signal, archiveTimeoutMs))),
    commit: ({ container, namespace }, name, options, signal) =>
      using(async () => {
        const written = await findWrittenContainer(root, container, namespace);
        return (await images.commit(written, name, options, limited(signal, archiveTimeoutMs))).id;
      }),
    pin: (reference) => using(() => images.pin(reference)),
    unpin: (reference) => using(() => images.unpin(reference)),
    prune: (options, signal) =>
      using(async () => (await images.prune(options, signal)).map(({ repoTags, repoDigests, id }) => repoTags[0] ?? repoDigests[0] ?? id)),
  };
}

function limited(signal: AbortSignal, limitMs: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
}

/** Says what to do where this user may not use the store. */
async function permitted<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    await access(directory).catch(absent);
    return await work();
  } catch (error) {
    // A registry that refuses is PERMISSION_DENIED, too.
    const { code, path } = ((error instanceof PluginError ? error.cause : error) ?? {}) as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    throw new PluginError('PERMISSION_DENIED', `this user may not use it${path === undefined ? '' : ` (${path})`}`, {
      object: `image store ${directory}`,
      hint: 'run berth as root, or name a directory of your own by --root',
      cause: error,
    });
  }
}
