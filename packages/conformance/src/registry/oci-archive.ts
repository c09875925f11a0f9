import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { PluginError } from '@berth/sdk/errors';
import { extract } from 'tar-stream';

interface Index {
  manifests: { digest: string; mediaType: string }[];
}

/** Writes the blobs of an OCI archive into `directory`, as `sha256-HEX`, and gives the archive's index. */
export async function unpackBlobs(archive: string, directory: string): Promise<Index> {
  const entries = extract();
  const reading = pipeline(createReadStream(archive), entries);
  let index: Index = { manifests: [] };
  const writing = (async () => {
    for await (const entry of entries) {
      const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(entry.header.name) ?? [];
      if (hex) await pipeline(entry, createWriteStream(join(directory, `sha256-${hex}`)));
      else if (entry.header.name === 'index.json') index = (await json(entry)) as Index;
      else entry.resume();
    }
  })();
  await Promise.all([reading, writing]);
  return index;
}

/** The first image of an index. */
export function ociManifest({ manifests: [first] }: Index, archive: string): { digest: string; mediaType: string } {
  if (first) return first;
  throw new PluginError('INVALID_ARGUMENT', 'it is no OCI archive, or one without an image', { object: `archive ${archive}` });
}
