import { existsSync } from 'node:fs';
import { ManifestSource } from '@berth/kubelet/manifest-source';
import type { SourceUpdate } from '@berth/kubelet/pod-source';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';

/** What the manifests hold before a node is started for them. Throws for a path where nothing is: a typing error, as a rule. */
export async function readManifests(paths: string[], signal: AbortSignal, objectPaths: string[] = []): Promise<SourceUpdate> {
  const missing = [...paths, ...objectPaths].find((path) => path !== '-' && !existsSync(path));
  if (missing !== undefined) {
    throw new PluginError('NOT_FOUND', 'there is no such file or directory', {
      object: missing,
      hint: 'name a manifest file, a directory of them, or "-" for standard input',
    });
  }
  const updates = new ManifestSource({ paths, objectPaths, nodeName: '' }).updates(signal)[Symbol.asyncIterator]();
  try {
    const first = await unlessAborted(updates.next(), signal);
    return first.value ?? { pods: [], problems: [] };
  } finally {
    // Nobody waits for the rest of a standard input that was interrupted.
    if (signal.aborted && paths.includes('-')) process.stdin.destroy();
    void updates.return?.();
  }
}

/** The same for a command that is to end by itself: throws if no pod can come of these manifests. */
export async function readManifestsOfPods(paths: string[], signal: AbortSignal, objectPaths: string[] = []): Promise<void> {
  const { pods, problems } = await readManifests(paths, signal, objectPaths);
  if (pods.length > 0) return;
  if (problems.length > 0) throw new PluginError('INVALID_ARGUMENT', problems.join('\n'));
  throw new PluginError('INVALID_ARGUMENT', 'there are no pods', {
    object: paths.join(', '),
    hint: 'a directory is searched for *.yaml, *.yml and *.json, not for what is below it',
  });
}
