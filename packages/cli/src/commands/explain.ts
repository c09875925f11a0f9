import { Command, Option } from 'commander';
import picocolors from 'picocolors';
import { stringify } from 'yaml';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { explanationLines } from '../view/explanation-lines.ts';
import { terminalWidth } from '../view/terminal.ts';
import { podReference } from './pod-reference.ts';

/** `berth explain POD`: how far the pod has come on its way, step by step, and what would unblock it. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('say in plain words why a pod is not running yet: each step of its way, since when, and what would unblock it')
    .argument('<pod>', 'pod name, or NAMESPACE/NAME')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['text', 'json', 'yaml']).default('text'))
    .action(async (text: string, options: { namespace: string; output: string }, command: Command) => {
      const client = new KubeletClient(command.optsWithGlobals<GlobalOptions>());
      const { namespace, name } = podReference(text, options.namespace);
      try {
        const explanation = await client.explain(namespace, name);
        const width = terminalWidth(process.stdout);
        const said = {
          json: () => JSON.stringify(explanation, undefined, 2),
          yaml: () => stringify(explanation).trimEnd(),
          text: () => explanationLines(explanation, { now: new Date(), width, colours: picocolors }).join('\n'),
        }[options.output as 'json' | 'yaml' | 'text'];
        process.stdout.write(`${said()}\n`);
      } finally {
        await client.close();
      }
    });
}
