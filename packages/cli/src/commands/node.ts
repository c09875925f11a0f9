import type { Node } from '@berth/api/objects';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { Command } from 'commander';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { type Column, formatListing, type OutputFormat } from '../view/listing.ts';
import { formatNodeWarnings, nodeWarnings } from '../view/node-warnings.ts';
import { outputOption } from '../view/output-option.ts';

const columns: Column<Node>[] = [
  { header: 'NAME', value: ({ metadata }) => metadata?.name ?? '' },
  { header: 'STATUS', value: (node) => readiness(node) },
  { header: 'CPU', value: ({ status }) => of(status?.allocatable, 'cpu') },
  { header: 'MEMORY', value: ({ status }) => of(status?.allocatable, 'memory') },
  { header: 'PODS', value: ({ status }) => of(status?.allocatable, 'pods') },
  { header: 'DEVICES', value: ({ status }) => devices(status) || '<none>', wide: true },
  { header: 'VERSION', value: ({ status }) => status?.nodeInfo?.kubeletVersion ?? '<unknown>' },
  {
    header: 'INTERNAL-IP',
    value: ({ status }) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '<none>',
    wide: true,
  },
  { header: 'OS-IMAGE', value: ({ status }) => status?.nodeInfo?.osImage ?? '<unknown>', wide: true },
  { header: 'KERNEL-VERSION', value: ({ status }) => status?.nodeInfo?.kernelVersion ?? '<unknown>', wide: true },
  { header: 'CONTAINER-RUNTIME', value: ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>', wide: true },
];

/** `berth node`: the running node as an object of Kubernetes, as `kubectl get node` shows it, and what it has for pods; `-o wide` also what it warns of. */
export function nodeCommand(): Command {
  return new Command('node')
    .description('show the running node: conditions, what it has for pods, versions; with -o wide also what it warns of')
    .addOption(outputOption())
    .action(async ({ output }: { output: OutputFormat }, command: Command) => {
      const client = new KubeletClient(command.optsWithGlobals<GlobalOptions>());
      try {
        process.stdout.write(`${formatListing([await client.node()], columns, output)}\n`);
        if (output === 'wide') await showWarnings(client);
      } finally {
        await client.close();
      }
    });
}

async function showWarnings(client: KubeletClient): Promise<void> {
  const warnings = nodeWarnings(await client.events());
  if (warnings.length > 0) process.stdout.write(`\n${formatNodeWarnings(warnings, new Date())}\n`);
}

/** `Ready`, `NotReady`, and what the node has too little of. */
function readiness({ status }: Node): string {
  const conditions = status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready')?.status === 'True' ? 'Ready' : 'NotReady';
  const pressure = conditions.filter(({ type, status: value }) => type !== 'Ready' && value === 'True').map(({ type }) => type);
  return [ready, ...pressure].join(',');
}

/** `vendor.example/name=2/3`: how many are healthy, of how many. */
function devices(status: Node['status']): string {
  const names = Object.keys(status?.capacity ?? {}).filter(isExtendedResourceName);
  return names.map((name) => `${name}=${of(status?.allocatable, name)}/${of(status?.capacity, name)}`).join(',');
}

function of(amounts: Record<string, unknown> | undefined, name: string): string {
  return String(amounts?.[name] ?? '<unknown>');
}
