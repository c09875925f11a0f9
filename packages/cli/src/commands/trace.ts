import type { CallRecord } from '@berth/sdk/call-record';
import { Command, Option } from 'commander';
import picocolors from 'picocolors';
import { stringify } from 'yaml';
import { compose, type GlobalOptions, tokens } from '../compose.ts';
import { joinRecords } from '../view/call-records.ts';
import { terminalWidth } from '../view/terminal.ts';
import { waterfall } from '../view/waterfall.ts';
import { podReference } from './pod-reference.ts';

/** `berth trace POD`: every plugin call that made the pod, as a waterfall. */
export function traceCommand(): Command {
  return new Command('trace')
    .description('show the plugin calls that made a pod (CRI, CNI, OCI runtime), as a waterfall')
    .argument('<pod>', 'pod name, or NAMESPACE/NAME')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['waterfall', 'wide', 'json', 'yaml']).default('waterfall'))
    .action(async (text: string, options: { namespace: string; output: string }, command: Command) => {
      const parts = compose(command.optsWithGlobals<GlobalOptions>());
      const client = parts.resolve(tokens.kubeletClient);
      const { namespace, name } = podReference(text, options.namespace);
      try {
        const records = joinRecords(await client.trace(namespace, name), parts.resolve(tokens.directories));
        process.stdout.write(`${format(records, options.output)}\n`);
      } finally {
        await client.close();
      }
    });
}

function format(records: CallRecord[], output: string): string {
  if (output === 'json') return JSON.stringify(records, undefined, 2);
  if (output === 'yaml') return stringify(records).trimEnd();
  const width = output === 'wide' ? 200 : terminalWidth(process.stdout);
  return waterfall(records, { width, paintFailure: picocolors.red }).join('\n');
}
