import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type IDMapping, NamespaceMode, type UserNamespace } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { ifThere } from '@berth/sdk/if-there';

/** From which ids of the host pods get theirs. */
export interface UserNamespacesOptions {
  /** The first id that pods may have; what is below is the host's. A multiple of 65536. */
  firstId: number;
  /** Ids of each pod, KubeletConfiguration's `userNamespaces.idsPerPod`: a multiple of 65536. */
  idsPerPod: number;
  /** How many pods can have ids at one time, KubeletConfiguration's `maxPods`. */
  maxPods: number;
}

/** kubelet's where the host has no ranges for a user "kubelet" (kubelet/userns/userns_manager.go). */
const defaultUserNamespaces: UserNamespacesOptions = { firstId: 65_536, idsPerPod: 65_536, maxPods: 110 };

const unit = 65_536;

/** As kubelet writes it to `pods/UID/userns`. */
interface MappingsFile {
  uidMappings: IDMapping[];
  gidMappings: IDMapping[];
}

/** Gives each pod with a user namespace ids of the host that no other pod has; a file in the pod's directory keeps them over a restart. */
export class UserNamespaces {
  readonly #podsDirectory: string;
  readonly #options: UserNamespacesOptions;
  /** The block of each pod, by uid. */
  readonly #blocks = new Map<string, number>();
  #recovered: Promise<void> | undefined;

  /** INVALID_ARGUMENT for ids that aren't in whole blocks of 65536. */
  constructor(kubeletRoot: string, options: Partial<UserNamespacesOptions> = {}) {
    this.#podsDirectory = join(kubeletRoot, 'pods');
    this.#options = { ...defaultUserNamespaces, ...options };
    for (const name of ['firstId', 'idsPerPod'] as const) {
      if (this.#options[name] > 0 && this.#options[name] % unit === 0) continue;
      throw new PluginError('INVALID_ARGUMENT', `${this.#options[name]} is not a positive multiple of ${unit}`, {
        object: `userNamespaces.${name}`,
      });
    }
  }

  /** The pod's, the same each time. RESOURCE_EXHAUSTED when all are given out. */
  async of(uid: string): Promise<UserNamespace> {
    this.#recovered ??= this.#recover().catch((thrown: unknown) => {
      this.#recovered = undefined;
      throw thrown;
    });
    await this.#recovered;
    const known = this.#blocks.get(uid);
    const block = known ?? this.#freeBlock();
    this.#blocks.set(uid, block);
    const mappings = [this.#mappingOf(block)];
    if (known === undefined) await this.#write(uid, { uidMappings: mappings, gidMappings: mappings });
    return { mode: NamespaceMode.POD, uids: mappings, gids: mappings };
  }

  /** For a pod that has ended and whose directory is gone. */
  release(uid: string): void {
    this.#blocks.delete(uid);
  }

  #mappingOf(block: number): IDMapping {
    const { firstId, idsPerPod } = this.#options;
    return { hostId: firstId + block * idsPerPod, containerId: 0, length: idsPerPod };
  }

  #freeBlock(): number {
    const taken = new Set(this.#blocks.values());
    for (let block = 0; block < this.#options.maxPods; block++) if (!taken.has(block)) return block;
    throw new PluginError('RESOURCE_EXHAUSTED', `all ${this.#options.maxPods} ranges of ids are given out`, {
      object: 'user namespaces',
      hint: 'raise maxPods, or end a pod with hostUsers: false',
    });
  }

  /** What pods of a kubelet before this one have. */
  async #recover(): Promise<void> {
    const uids = (await ifThere(this.#podsDirectory, readdir(this.#podsDirectory))) ?? [];
    for (const uid of uids) {
      const file = this.#file(uid);
      const text = await ifThere(file, readFile(file, 'utf8'));
      if (text !== undefined) this.#blocks.set(uid, this.#blockIn(text, file));
    }
  }

  #blockIn(text: string, path: string): number {
    const { firstId, idsPerPod } = this.#options;
    const [mapping] = parseMappings(text)?.uidMappings ?? [];
    const block = mapping && (mapping.hostId - firstId) / idsPerPod;
    if (block !== undefined && Number.isInteger(block) && block >= 0 && mapping?.length === idsPerPod) return block;
    throw new PluginError('FAILED_PRECONDITION', `it doesn't hold ids from ${firstId} on, in ranges of ${idsPerPod}`, {
      object: path,
      hint: 'end the pod that it is of and remove its directory, or set userNamespaces as it was',
    });
  }

  async #write(uid: string, mappings: MappingsFile): Promise<void> {
    const path = this.#file(uid);
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await writeFile(`${path}.new`, JSON.stringify(mappings), { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
  }

  #file(uid: string): string {
    return join(this.#podsDirectory, uid, 'userns');
  }
}

function parseMappings(text: string): MappingsFile | undefined {
  try {
    return JSON.parse(text) as MappingsFile;
  } catch {
    return undefined;
  }
}
