import type { CallRecord } from '@berth/sdk/call-record';
import { PluginError } from '@berth/sdk/errors';
import { Command, Option } from 'commander';
import picocolors from 'picocolors';
import { stringify } from 'yaml';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { joinRecords } from '../view/call-records.ts';
import { executionLines } from '../view/execution-lines.ts';
import { terminalWidth } from '../view/terminal.ts';
import { waterfall } from '../view/waterfall.ts';
import { podReference } from './pod-reference.ts';

/** `berth trace POD`: every plugin call that made the pod, as a waterfall; with `--cni` what its CNI plugins were given and printed. */
export function traceCommand(): Command {
  return new Command('trace')
    .description('show the plugin calls that made a pod (CRI, CNI, OCI runtime), as a waterfall')
    .argument('<pod>', 'pod name, or NAMESPACE/NAME')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['waterfall', 'wide', 'json', 'yaml']).default('waterfall'))
    .option('--cni', "only the CNI plugins' calls, each with its environment, standard input, output and error")
    .action(async (text: string, options: { namespace: string; output: string; cni?: true }, command: Command) => {
      if (options.cni && options.output === 'wide') throw noWideForm();
      const directories = command.optsWithGlobals<GlobalOptions>();
      const client = new KubeletClient(directories);
      const { namespace, name } = podReference(text, options.namespace);
      try {
        const records = joinRecords(await client.trace(namespace, name), directories);
        const shown = options.cni ? records.filter(({ protocol }) => protocol === 'cni') : records;
        const nothing = options.cni && shown.length === 0 && options.output === 'waterfall';
        const said = nothing
          ? `no CNI plugin was called for pod ${namespace}/${name}`
          : format(shown, options.output, options.cni ? executions : waterfallOf);
        process.stdout.write(`${said}\n`);
      } finally {
        await client.close();
      }
    });
}

function noWideForm(): PluginError {
  return new PluginError('INVALID_ARGUMENT', 'what plugins were given and printed is no waterfall, and has no wide form', {
    object: 'berth trace --cni -o wide',
    hint: 'leave -o out, or take json or yaml',
  });
}

function format(records: CallRecord[], output: string, forPeople: (records: CallRecord[], wide: boolean) => string[]): string {
  if (output === 'json') return JSON.stringify(records, undefined, 2);
  if (output === 'yaml') return stringify(records).trimEnd();
  return forPeople(records, output === 'wide').join('\n');
}

function waterfallOf(records: CallRecord[], wide: boolean): string[] {
  return waterfall(records, { width: wide ? 200 : terminalWidth(process.stdout), paintFailure: picocolors.red });
}

function executions(records: CallRecord[]): string[] {
  return records.flatMap((record) => executionLines(record, picocolors.red));
}
