import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { Command } from 'commander';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { containerStatuses } from '../node/container-statuses.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { containerLines } from '../view/container-lines.ts';
import { type Column, formatAge, formatListing, type OutputFormat } from '../view/listing.ts';
import { outputOption } from '../view/output-option.ts';
import { beginOf, type PodRow, podRow } from '../view/pod-row.ts';

const columns = (handlers: Map<Pod, string>): Column<Pod>[] => [
  { header: 'NAMESPACE', value: (pod) => pod.metadata?.namespace ?? '' },
  { header: 'NAME', value: (pod) => pod.metadata?.name ?? '' },
  { header: 'READY', value: (pod) => podRow(pod).ready },
  { header: 'STATUS', value: (pod) => podRow(pod).status },
  { header: 'RESTARTS', value: (pod) => restarts(podRow(pod)) },
  { header: 'AGE', value: (pod) => formatAge(beginOf(pod)) },
  { header: 'IP', value: (pod) => pod.status?.podIP ?? '<none>', wide: true },
  { header: 'HANDLER', value: (pod) => handlers.get(pod) ?? '<none>', wide: true },
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
      const client = new KubeletClient(command.optsWithGlobals<GlobalOptions>());
      try {
        const pods = await client.pods();
        const handlers = options.output === 'wide' ? await handlersOf(client, pods) : new Map<Pod, string>();
        process.stdout.write(`${formatListing(pods, columns(handlers), options.output)}\n`);
      } finally {
        await client.close();
      }
    });
}

/** `3 (5m ago)`, as kubectl has it. */
function restarts({ restarts: count, lastRestart }: PodRow): string {
  return count > 0 && lastRestart !== undefined ? `${count} (${formatAge(lastRestart)} ago)` : String(count);
}

/** The runtime that each pod is on; a pod without a container has been with the one that was asked for its sandbox. */
async function handlersOf(client: KubeletClient, pods: Pod[]): Promise<Map<Pod, string>> {
  const handlers = new Map<Pod, string>();
  for (const pod of pods) {
    const handler = handlerOfContainers(pod) ?? pod.spec?.runtimeClassName ?? (await handlerOfSandbox(client, pod));
    if (handler !== undefined) handlers.set(pod, handler);
  }
  return handlers;
}

function handlerOfContainers(pod: Pod): string | undefined {
  return containerStatuses(pod)
    .find(({ containerID }) => containerID)
    ?.containerID?.split('://')[0];
}

/** None of a pod that has ended since it was listed. */
async function handlerOfSandbox(client: KubeletClient, { metadata }: Pod): Promise<string | undefined> {
  try {
    const { records } = await client.trace(metadata?.namespace ?? 'default', metadata?.name ?? '');
    return records.findLast(({ method }) => method === 'RunPodSandbox')?.plugin;
  } catch (error) {
    if (PluginError.from(error).code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
