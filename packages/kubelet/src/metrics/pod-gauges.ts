import type { Pod } from '@berth/api/objects';
import { Gauge, type Registry } from 'prom-client';
import type { RuntimeCounts } from '../pleg/runtime-contents.ts';
import { allStatuses, isStaticPod, specOf } from '../pod.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import type { VolumeStats } from '../stats/summary.ts';

/** Where the figures of pods come from. */
interface PodFigures {
  /** Spec and status of every pod. */
  pods(): Pod[];
  /** What each runtime has. */
  runtimeCounts(): RuntimeCounts[];
  stats: StatsProvider;
}

/** The longest that a scrape waits for figures of volumes. */
const statsLimitMs = 5_000;

/** Figures that are counted as they are asked for. */
export function addPodGauges(registry: Registry, figures: PodFigures): void {
  const pods = (): Pod[] => figures.pods();
  const counts = (): RuntimeCounts[] => figures.runtimeCounts();
  gauge('kubelet_running_pods', 'Pods with a ready sandbox, as the runtimes tell.', [], (set) =>
    set({}, sum(counts().map((each) => each.runningPods))),
  );
  gauge('kubelet_running_containers', 'Containers in the runtimes, by state.', ['container_state'], (set) => {
    const states = new Set(['running', ...counts().flatMap(({ containers }) => [...containers.keys()])]);
    for (const state of states) set({ container_state: state }, sum(counts().map(({ containers }) => containers.get(state) ?? 0)));
  });
  const perSource = (name: string, help: string, chosen: (pod: Pod) => boolean): void =>
    gauge(name, help, ['static'], (set) => {
      const found = pods().filter(chosen);
      set({ static: '' }, found.filter((pod) => !isStaticPod(pod)).length);
      set({ static: 'true' }, found.filter(isStaticPod).length);
    });
  perSource('kubelet_desired_pods', 'Pods that the node is to run.', (pod) => !pod.metadata?.deletionTimestamp);
  perSource(
    'kubelet_active_pods',
    'Pods that have what the node gives.',
    ({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? ''),
  );
  gauge('volume_manager_total_volumes', 'Volumes, by plugin and by what they are to be or are.', ['plugin_name', 'state'], (set) => {
    for (const [state, chosen] of [
      ['desired_state_of_world', pods()],
      ['actual_state_of_world', pods().filter(isRunning)],
    ] as const) {
      const plugins = chosen.flatMap((pod) => (specOf(pod).volumes ?? []).map(pluginOf));
      for (const [plugin, count] of counted(plugins)) set({ plugin_name: plugin, state }, count);
    }
  });
  volumeStats(registry, figures);

  function gauge(
    name: string,
    help: string,
    labelNames: string[],
    collect: (set: (labels: Record<string, string>, value: number) => void) => void,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        collect((labels, value) => this.set(labels, value));
      },
    });
  }
}

/** Of claimed volumes alone, as in kubelet: runtimes are asked for nothing where no pod has any, and one that doesn't answer keeps nothing else back. */
function volumeStats(registry: Registry, figures: PodFigures): void {
  const claimed = async (): Promise<VolumeStats[]> => {
    if (!figures.pods().some((pod) => specOf(pod).volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim))) return [];
    const { pods } = await figures.stats.reading({ signal: AbortSignal.timeout(statsLimitMs) }).catch(() => ({ pods: [] }));
    return pods.flatMap(({ volumes }) => volumes ?? []);
  };
  const names = {
    available_bytes: 'availableBytes',
    capacity_bytes: 'capacityBytes',
    used_bytes: 'usedBytes',
    inodes: 'inodes',
    inodes_free: 'inodesFree',
    inodes_used: 'inodesUsed',
  } as const;
  for (const [name, key] of Object.entries(names)) {
    new Gauge({
      name: `kubelet_volume_stats_${name}`,
      help: `What a claimed volume's file system has: ${key}.`,
      labelNames: ['namespace', 'persistentvolumeclaim'],
      registers: [registry],
      async collect() {
        this.reset();
        for (const volume of await claimed()) {
          const value = volume[key];
          if (volume.pvcRef && value !== undefined) {
            this.set({ namespace: volume.pvcRef.namespace, persistentvolumeclaim: volume.pvcRef.name }, value);
          }
        }
      },
    });
  }
}

function isRunning({ status }: Pod): boolean {
  return allStatuses(status).some(({ state }) => state?.running);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** `emptyDir` -> `kubernetes.io/empty-dir`, but `kubernetes.io/configmap`. */
function pluginOf(volume: object): string {
  const type = Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir';
  const words = type === 'configMap' ? type : type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-');
  return `kubernetes.io/${words.toLowerCase()}`;
}

function counted(words: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
