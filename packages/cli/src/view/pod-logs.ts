import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Pod } from '@berth/api/objects';
import picocolors from 'picocolors';
import type { KubeletClient } from '../node/kubelet-client.ts';

const colours = [picocolors.cyan, picocolors.magenta, picocolors.green, picocolors.yellow, picocolors.blue];

/** Prints what the containers of `pods` have written so far, container by container, each line behind its name. */
export async function printLogs(client: KubeletClient, pods: Pod[], output: NodeJS.WriteStream, signal: AbortSignal): Promise<void> {
  for (const log of logsOf(pods)) await copy(client, log, {}, output, signal);
}

/** Goes on with the logs of all containers of `pods` from here, as lines come, until `signal` is aborted. */
export async function followLogs(client: KubeletClient, pods: Pod[], output: NodeJS.WriteStream, signal: AbortSignal): Promise<void> {
  await Promise.all(logsOf(pods).map((log) => copy(client, log, { follow: 'true', tailLines: '0' }, output, signal)));
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

interface ContainerLog {
  namespace: string;
  pod: string;
  container: string;
  prefix: string;
}

function logsOf(pods: Pod[]): ContainerLog[] {
  const containers = pods.flatMap((pod) =>
    [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((container) => ({ pod, name: container.name })),
  );
  const width = Math.max(0, ...containers.map(({ pod, name }) => label(pod, name).length));
  return containers.map(({ pod, name }, index) => {
    const colour = colours[index % colours.length] as (text: string) => string;
    return {
      namespace: pod.metadata?.namespace ?? 'default',
      pod: pod.metadata?.name ?? '',
      container: name,
      prefix: colour(label(pod, name).padEnd(width)),
    };
  });
}

function label(pod: Pod, container: string): string {
  return `${pod.metadata?.name}/${container}`;
}

/** A container that never started has no log: that is no error here. */
async function copy(
  client: KubeletClient,
  log: ContainerLog,
  query: Record<string, string>,
  output: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  try {
    const body = await client.logs(log.namespace, log.pod, log.container, query, signal);
    for await (const line of createInterface({ input: Readable.from(body) })) output.write(`  ${log.prefix}  ${line}\n`);
  } catch (error) {
    if (!signal.aborted) output.write(`  ${log.prefix}  ${picocolors.dim(`(no log: ${(error as Error).message})`)}\n`);
  }
}
