import type { ActionContext } from './action-context.ts';

/** Where each of the pod's volumes is on the host, but for those that the runtime brings. */
export function volumePaths({ pod, volumes }: ActionContext): Map<string, string> {
  return new Map(
    volumes.of(pod).flatMap(({ volume, plugin }) => {
      const path = plugin.path(pod, volume);
      return path === undefined ? [] : [[volume.name, path] as const];
    }),
  );
}
