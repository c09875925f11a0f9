import { PluginError } from '@berth/sdk/errors';
import { Command } from 'commander';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { onlyContainer } from '../node/only-container.ts';
import { joinSession, possibleSession } from '../node/process-session.ts';
import { podReference } from './pod-reference.ts';
import { streamsQuery } from './streams-query.ts';

interface ExecOptions {
  namespace: string;
  container?: string;
  stdin?: boolean;
  tty?: boolean;
}

/** `berth exec [-it] POD -- COMMAND`: runs a command in a container, by CRI Exec; its exit status is the command's, or as a shell's if it can't be run. */
export function execCommand(): Command {
  return new Command('exec')
    .description('run a command in a container to its end, and exit as it did')
    .argument('<pod>', 'pod name, or NAMESPACE/NAME')
    .argument('<command...>', 'program and arguments, after --')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .option('-c, --container <container>', 'container of the pod (default: its only one)')
    .option('-i, --stdin', 'pass standard input on to it')
    .option('-t, --tty', 'give it a terminal')
    .action(async (text: string, words: string[], options: ExecOptions, command: Command) => {
      const client = new KubeletClient(command.optsWithGlobals<GlobalOptions>());
      const { stdin, tty, warning } = possibleSession({ stdin: options.stdin ?? false, tty: options.tty ?? false }, process.stdin);
      if (warning !== undefined) process.stderr.write(`berth: ${warning}\n`);
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      try {
        const { namespace, name } = podReference(text, options.namespace);
        const container = options.container ?? (await onlyContainer(client, namespace, name));
        const query: [string, string][] = words.map((word) => ['command', word]);
        const session = await client.session('exec', namespace, name, container, [...query, ...streamsQuery(stdin, tty)]);
        if (interrupted.signal.aborted) session.terminate();
        interrupted.signal.addEventListener('abort', () => session.terminate());
        const exitCode = await joinSession(session, { stdin, tty });
        process.exitCode = interrupted.signal.aborted ? 130 : exitCode;
      } catch (error) {
        const failure = PluginError.from(error);
        if (!interrupted.signal.aborted) process.stderr.write(`berth: ${failure.message}\n`);
        process.exitCode = interrupted.signal.aborted ? 130 : notRunStatus(failure.message);
      } finally {
        await client.close();
      }
    });
}

/** The exit status that shells give for a command that couldn't be run: 127 if it isn't there, 126 if it isn't allowed, else 1. */
export function notRunStatus(message: string): number {
  if (/executable file .*not found|exec.*no such file or directory/i.test(message)) return 127;
  return /exec.*permission denied/i.test(message) ? 126 : 1;
}
