import { stat } from 'node:fs/promises';
import type { Node, Pod } from '@berth/api/objects';
import { ManifestSource } from '@berth/kubelet/manifest-source';
import { PluginError } from '@berth/sdk/errors';

/** Reads `NODE=DIR` as often as it is given. Throws INVALID_ARGUMENT for a node that isn't there, or a directory that is none. */
export async function readBindings(given: readonly string[], nodes: readonly Node[]): Promise<Map<string, string>> {
  const directories = new Map<string, string>();
  for (const binding of given) {
    const [, nodeName = '', directory = ''] = /^([^=]+)=(.+)$/.exec(binding) ?? [];
    const refuse = (what: string, hint: string) => new PluginError('INVALID_ARGUMENT', what, { object: `--bind ${binding}`, hint });
    if (!nodeName) throw refuse('it is no NODE=DIR', 'write it like --bind node-1=/var/lib/node-1/manifests');
    if (!nodes.some(({ metadata }) => metadata?.name === nodeName))
      throw refuse(`there is no node ${nodeName}`, 'give its Node in --nodes');
    if (directories.has(nodeName)) throw refuse(`node ${nodeName} has a directory already`, 'give each node one');
    if (!(await isDirectory(directory))) throw refuse(`${directory} is no directory`, 'make it, and have the node read it');
    directories.set(nodeName, directory);
  }
  return directories;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The pods in a node's manifest directory. Throws INVALID_ARGUMENT if a manifest can't be read: what is on the node isn't known then. */
export async function podsInDirectory(directory: string, nodeName: string): Promise<Pod[]> {
  const read = new AbortController();
  for await (const { pods, problems } of new ManifestSource({ paths: [directory], nodeName }).updates(read.signal)) {
    read.abort();
    if (problems.length === 0) return pods;
    throw new PluginError('INVALID_ARGUMENT', problems.join('\n'), { hint: `mend or remove what the node ${nodeName} can't read` });
  }
  return [];
}
