import type { PodInfo } from '@berth/sdk/scheduler';
import type { Binder } from '../src/binder.ts';
import { type AnyPlugin, type ExtensionPoint, extensionPoints } from '../src/framework.ts';
import { DefaultBinder } from '../src/plugins/default-binder.ts';
import { PrioritySort } from '../src/plugins/priority-sort.ts';
import type { Profile } from '../src/profile.ts';

/** Remembers what was bound where. */
export class RecordingBinder implements Binder {
  readonly bound: [pod: string | undefined, nodeName: string][] = [];

  async bind({ pod }: PodInfo, nodeName: string): Promise<void> {
    this.bound.push([pod.metadata?.name, nodeName]);
  }
}

/** A profile of these plugins at every point that they have, scores weighted 1, and PrioritySort; without a Bind plugin, DefaultBinder. */
export function profileOf(plugins: AnyPlugin[], binder: Binder = new RecordingBinder()): Profile {
  const all = plugins.some(({ bind }) => bind) ? plugins : [...plugins, new DefaultBinder(binder) as AnyPlugin];
  const at = (point: ExtensionPoint & keyof AnyPlugin) => all.filter((plugin) => plugin[point]);
  return {
    ...(Object.fromEntries(extensionPoints.map((point) => [point, at(point)])) as unknown as Profile),
    schedulerName: 'default-scheduler',
    percentageOfNodesToScore: 0,
    plugins: new Map(all.map((plugin) => [plugin.name, plugin])),
    queueSort: new PrioritySort(),
    score: at('score').map((plugin) => ({ plugin: plugin as Profile['score'][number]['plugin'], weight: 1 })),
  };
}
