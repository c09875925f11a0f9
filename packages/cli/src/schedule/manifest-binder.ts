import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import type { Binder } from '@berth/scheduler/binder';
import { PluginError } from '@berth/sdk/errors';
import type { PodInfo } from '@berth/sdk/scheduler';
import { stringify } from 'yaml';

/** Binds a pod by writing its manifest into the directory that its node's kubelet reads. */
export class ManifestBinder implements Binder {
  readonly #directories: ReadonlyMap<string, string>;

  /** `directories` are by node name. */
  constructor(directories: ReadonlyMap<string, string>) {
    this.#directories = directories;
  }

  async bind({ pod }: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    const directory = this.#directories.get(nodeName);
    if (directory === undefined) {
      throw new PluginError('FAILED_PRECONDITION', 'it has no manifest directory', {
        object: `node ${nodeName}`,
        hint: `give --bind ${nodeName}=DIR`,
      });
    }
    const { namespace, name } = pod.metadata ?? {};
    await writeAtOnce(directory, `${namespace}_${name}.yaml`, stringify(bound(pod, nodeName)), signal);
  }
}

/** Takes the place of a binder where pods are only to be placed in thought. */
export const noBinder: Binder = { bind: async () => undefined };

function bound(pod: Pod, nodeName: string): Pod {
  return { ...pod, ...(pod.spec && { spec: { ...pod.spec, nodeName } }) };
}

/** A reader sees the whole file or none; until then its name is one that manifest sources pass over. */
async function writeAtOnce(directory: string, name: string, text: string, signal: AbortSignal): Promise<void> {
  const partial = join(directory, `.${name}.${randomUUID()}`);
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      await file.writeFile(text, { signal });
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, join(directory, name));
  } catch (thrown) {
    await rm(partial, { force: true });
    throw PluginError.from(thrown, 'INTERNAL', { object: directory });
  }
}
