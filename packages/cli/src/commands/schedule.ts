import type { Pod } from '@berth/api/objects';
import { readSchedulerConfiguration } from '@berth/scheduler/configuration';
import { PluginError } from '@berth/sdk/errors';
import { Command, Option } from 'commander';
import { readCluster } from '../schedule/cluster-files.ts';
import { ManifestBinder, noBinder } from '../schedule/manifest-binder.ts';
import { placePods } from '../schedule/place-pods.ts';
import { podsInDirectory, readBindings } from '../schedule/running-pods.ts';
import { formatPlacements } from '../view/placement.ts';

interface ScheduleOptions {
  nodes: string[];
  pods: string[];
  config?: string;
  bind: string[];
  output: 'table' | 'json';
}

/** `berth schedule --nodes FILE --pods FILE`: which node each pod gets, and why. */
export function scheduleCommand(): Command {
  return new Command('schedule')
    .description('place the pods of manifest files on nodes, and tell of each node why, or why not')
    .requiredOption('--nodes <file...>', 'manifests of the nodes')
    .requiredOption('--pods <file...>', 'manifests of the pods, and of their RuntimeClasses and PriorityClasses')
    .option('--config <file>', "KubeSchedulerConfiguration (default: kube-scheduler's default profile)")
    .option('--bind <NODE=DIR...>', "write each pod's manifest into the directory that its node reads; what is there counts as running", [])
    .addOption(new Option('-o, --output <format>', 'format').choices(['table', 'json']).default('table'))
    .action(async (options: ScheduleOptions) => {
      process.exitCode = await schedule(options);
    });
}

/** Exit status 1 if a pod that has not finished has no node at the end. */
async function schedule(options: ScheduleOptions): Promise<number> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort()).once('SIGTERM', () => interrupted.abort());
  const configuration = readSchedulerConfiguration(options.config);
  const cluster = await readCluster([...options.nodes, ...options.pods]);
  if (cluster.pods.length === 0) {
    throw new PluginError('INVALID_ARGUMENT', 'there is no Pod in it', {
      object: options.pods.join(', '),
      hint: 'give the manifests of pods',
    });
  }
  const directories = await readBindings(options.bind, cluster.nodes);
  const running = new Map<string, Pod[]>();
  for (const [nodeName, directory] of directories) running.set(nodeName, await podsInDirectory(directory, nodeName));
  const binder = directories.size > 0 ? new ManifestBinder(directories) : noBinder;
  const placements = await placePods({ cluster, configuration, binder, running, signal: interrupted.signal });
  const text = options.output === 'json' ? JSON.stringify(placements, undefined, 2) : formatPlacements(placements);
  process.stdout.write(`${text}\n`);
  const settled = placements.every(({ nodeName, outcome }) => nodeName !== undefined || outcome === 'Finished');
  return settled && !interrupted.signal.aborted ? 0 : 1;
}
