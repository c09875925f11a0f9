import { Command } from 'commander';
import { compose, type GlobalOptions, tokens } from '../compose.ts';
import { onlyContainer } from '../node/only-container.ts';
import { joinSession } from '../node/process-session.ts';

interface ExecOptions {
  namespace: string;
  container?: string;
  stdin?: boolean;
  tty?: boolean;
}

/** `berth exec [-it] POD -- COMMAND`: runs a command in a container, by CRI Exec; its exit status is the command's. */
export function execCommand(): Command {
  return new Command('exec')
    .description('run a command in a container, and exit as it did')
    .argument('<pod>', 'pod name')
    .argument('<command...>', 'program and arguments, after --')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .option('-c, --container <name>', 'container of the pod (default: its only one)')
    .option('-i, --stdin', 'pass standard input on to it')
    .option('-t, --tty', 'give it a terminal')
    .action(async (pod: string, words: string[], options: ExecOptions, command: Command) => {
      const client = compose(command.optsWithGlobals<GlobalOptions>()).resolve(tokens.kubeletClient);
      const { namespace, stdin = false, tty = false } = options;
      try {
        const container = options.container ?? (await onlyContainer(client, namespace, pod));
        const query: [string, string][] = words.map((word) => ['command', word]);
        const session = await client.session('exec', namespace, pod, container, [...query, ...streamsQuery(stdin, tty)]);
        process.once('SIGINT', () => session.terminate());
        process.exitCode = await joinSession(session, { stdin, tty });
      } finally {
        await client.close();
      }
    });
}

/** Which streams a session has, as kubelet's routes take it. */
export function streamsQuery(stdin: boolean, tty: boolean): [string, string][] {
  return [['output', '1'], stdin ? ['input', '1'] : undefined, tty ? ['tty', '1'] : ['error', '1']].filter(
    (parameter) => parameter !== undefined,
  ) as [string, string][];
}
