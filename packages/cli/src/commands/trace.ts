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
      const container = compose(command.optsWithGlobals<GlobalOptions>());
      const client = container.resolve(tokens.kubeletClient);
      const { namespace, name } = podReference(text, options.namespace);
      const trace = await client.trace(namespace, name);
      const records = joinRecords(trace, container.resolve(tokens.directories));
      if (options.output === 'json') process.stdout.write(`${JSON.stringify(records, undefined, 2)}\n`);
      else if (options.output === 'yaml') process.stdout.write(stringify(records));
      else
        process.stdout.write(
          `${waterfall(records, { width: options.output === 'wide' ? 200 : terminalWidth(process.stdout), paintFailure: picocolors.red }).join('\n')}\n`,
        );
      await client.close();
    });
}
