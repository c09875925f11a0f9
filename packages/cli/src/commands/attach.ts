import { Command } from 'commander';
import { compose, type GlobalOptions, tokens } from '../compose.ts';
import { onlyContainer } from '../node/only-container.ts';
import { joinSession } from '../node/process-session.ts';
import { podReference } from './pod-reference.ts';
import { streamsQuery } from './streams-query.ts';

interface AttachOptions {
  namespace: string;
  container?: string;
  stdin?: boolean;
  tty?: boolean;
}

/** `berth attach [-it] POD`: what a container prints from now on, and with -i its input. Ctrl-C leaves the container alone. */
export function attachCommand(): Command {
  return new Command('attach')
    .description("join the standard streams of a container's own process")
    .argument('<pod>', 'pod name, or NAMESPACE/NAME')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .option('-c, --container <container>', 'container of the pod (default: its only one)')
    .option('-i, --stdin', 'pass standard input on to it')
    .option('-t, --tty', 'its input is a terminal')
    .action(async (text: string, options: AttachOptions, command: Command) => {
      const client = compose(command.optsWithGlobals<GlobalOptions>()).resolve(tokens.kubeletClient);
      const { stdin = false, tty = false } = options;
      const interrupted = new AbortController();
      try {
        const { namespace, name } = podReference(text, options.namespace);
        const container = options.container ?? (await onlyContainer(client, namespace, name));
        const session = await client.session('attach', namespace, name, container, streamsQuery(stdin, tty));
        process.once('SIGINT', () => {
          interrupted.abort();
          session.terminate();
        });
        const exitCode = await joinSession(session, { stdin, tty });
        process.exitCode = interrupted.signal.aborted ? 0 : exitCode;
      } finally {
        await client.close();
      }
    });
}
