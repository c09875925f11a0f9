import type { Pod } from '@berth/api/objects';
import { Command } from 'commander';
import { compose, type GlobalOptions, tokens } from '../compose.ts';
import { containerLines } from '../view/container-lines.ts';
import { type Column, formatAge, formatListing, type OutputFormat } from '../view/listing.ts';
import { outputOption } from '../view/output-option.ts';

const columns: Column<Pod>[] = [
  { header: 'NAMESPACE', value: (pod) => pod.metadata?.namespace ?? '' },
  { header: 'NAME', value: (pod) => pod.metadata?.name ?? '' },
  { header: 'READY', value: (pod) => readyCount(pod) },
  { header: 'STATUS', value: (pod) => shortStatus(pod) },
  { header: 'RESTARTS', value: (pod) => String(restarts(pod)) },
  { header: 'AGE', value: (pod) => formatAge(pod.metadata?.creationTimestamp) },
  { header: 'IP', value: (pod) => pod.status?.podIP ?? '<none>', wide: true },
  { header: 'HANDLER', value: (pod) => handler(pod), wide: true },
  {
    header: 'CONTAINERS',
    value: (pod) =>
      containerLines(pod)
        .map((line) => `${line.container}=${line.state}`)
        .join(' '),
    wide: true,
  },
];

/** `berth ps`: the pods of the running node, as `kubectl get pods` lists them. */
export function psCommand(): Command {
  return new Command('ps')
    .description('list the pods of the running node')
    .addOption(outputOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      const client = compose(command.optsWithGlobals<GlobalOptions>()).resolve(tokens.kubeletClient);
      process.stdout.write(`${formatListing(await client.pods(), columns, options.output)}\n`);
      await client.close();
    });
}

function readyCount(pod: Pod): string {
  const statuses = pod.status?.containerStatuses ?? [];
  return `${statuses.filter((status) => status.ready).length}/${pod.spec?.containers.length ?? 0}`;
}

function restarts(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).reduce((sum, status) => sum + status.restartCount, 0);
}

/** The first waiting or failed container's reason, else the phase: what kubectl's STATUS column shows. */
function shortStatus(pod: Pod): string {
  const states = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].map((status) => status.state);
  const waiting = states.find((state) => state?.waiting?.reason && state.waiting.reason !== 'PodInitializing')?.waiting?.reason;
  return pod.status?.reason ?? waiting ?? pod.status?.phase ?? 'Pending';
}

function handler(pod: Pod): string {
  const id = pod.status?.containerStatuses?.find((status) => status.containerID)?.containerID;
  return id?.split('://')[0] ?? '<none>';
}
