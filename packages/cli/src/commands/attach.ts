import { Command } from 'commander';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { hasTerminal } from '../node/has-terminal.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { onlyContainer } from '../node/only-container.ts';
import { joinSession, possibleSession, type SessionOptions } from '../node/process-session.ts';
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
      const client = new KubeletClient(command.optsWithGlobals<GlobalOptions>());
      const interrupted = new AbortController();
      try {
        const { namespace, name } = podReference(text, options.namespace);
        const container = options.container ?? (await onlyContainer(client, namespace, name));
        const { stdin, tty } = await sessionOf(options, () => hasTerminal(client, namespace, name, container));
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

/** What is asked for, as far as the container and this process's own input can do it; says what they can't. */
async function sessionOf({ stdin = false, tty = false }: AttachOptions, isTerminal: () => Promise<boolean>): Promise<SessionOptions> {
  const hasOne = tty && (await isTerminal());
  const session = possibleSession({ stdin, tty: hasOne }, process.stdin);
  const warning = tty && !hasOne ? 'the container has no terminal: going on without one' : session.warning;
  if (warning !== undefined) process.stderr.write(`berth: ${warning}\n`);
  return session;
}
