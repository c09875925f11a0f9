import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isConfigFileName } from '@berth/sdk/cni/config';
import type { CniDirectories } from '../node/runtime-command.ts';

/** Where everybody else's configuration is. */
const standardConfDir = '/etc/cni/net.d';

/** Where libcni keeps results, and cnitool with it. */
const standardCacheDir = '/var/lib/cni';

/** Which directories a call of `berth cni` is about. */
export interface ChosenDirectories {
  confDir: string;
  cacheDir: string;
  /** They are those of this host's node: its pods are on these networks, and its shims use the same cache and locks. */
  ofNode: boolean;
  /** The node's own directory of configurations, where it was passed over since it holds none. */
  passedOver?: string;
}

/**
 * What the caller tells, else what is the node's where that has a configuration, else what cnitool takes. The cache of a node that has lost its
 * configuration is still the one to ask, as long as something is kept there.
 */
export function chooseDirectories({ confDir, cacheDir }: { confDir?: string; cacheDir?: string }, node: CniDirectories): ChosenDirectories {
  const chosen = confDir || (holds(node.confDir, isConfigFileName) ? node.confDir : standardConfDir);
  const passesOver = !confDir && chosen !== node.confDir;
  const isNodes = resolve(chosen) === resolve(node.confDir) || (!confDir && holds(join(node.cacheDir, 'results'), () => true));
  const cache = cacheDir || (isNodes ? node.cacheDir : standardCacheDir);
  return {
    confDir: chosen,
    cacheDir: cache,
    ofNode: resolve(cache) === resolve(node.cacheDir),
    ...(passesOver ? { passedOver: node.confDir } : {}),
  };
}

function holds(directory: string, isWanted: (name: string) => boolean): boolean {
  try {
    return readdirSync(directory).some(isWanted);
  } catch {
    return false;
  }
}
