import type { ConfigMap, KeyToPath, Secret } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Payload, ProjectedFile } from './atomic-writer.ts';

/** How the keys of an object become files. */
interface Selection {
  /** The only keys, each with its path; undefined: every key is a file of its name. */
  items?: readonly KeyToPath[];
  /** Permission bits of files that name none of their own. */
  defaultMode: number;
  /** A key that isn't there is left out; else it is an error. */
  optional?: boolean;
}

export function configMapPayload({ data = {}, binaryData = {} }: ConfigMap, selection: Selection): Payload {
  const texts = Object.entries(data).map(([key, text]): [string, Buffer] => [key, Buffer.from(text)]);
  return select(new Map([...texts, ...decoded(binaryData)]), selection, 'configmap references non-existent config key');
}

export function secretPayload({ data = {} }: Secret, selection: Selection): Payload {
  return select(new Map(decoded(data)), selection, 'references non-existent secret key');
}

function decoded(data: Record<string, string>): [string, Buffer][] {
  return Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')]);
}

function select(values: ReadonlyMap<string, Buffer>, { items, defaultMode, optional }: Selection, missing: string): Payload {
  const wanted = items?.length ? items : [...values.keys()].map((key): KeyToPath => ({ key, path: key }));
  const payload = new Map<string, ProjectedFile>();
  for (const { key, path, mode = defaultMode } of wanted) {
    const data = values.get(key);
    if (data) payload.set(path, { data, mode });
    else if (!optional) throw new PluginError('NOT_FOUND', `${missing}: ${key}`);
  }
  return payload;
}
