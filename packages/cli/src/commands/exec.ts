import { Command } from 'commander';
import { compose, type GlobalOptions, tokens } from '../compose.ts';
import { onlyContainer } from '../node/only-container.ts';

interface ExecOptions {
  namespace: string;
  container?: string;
}

/** `berth exec POD -- COMMAND`: runs a command in a container, by CRI ExecSync; its exit status is the command's. */
export function execCommand(): Command {
  return new Command('exec')
    .description('run a command in a container to its end, print what it printed, and exit as it did')
    .argument('<pod>', 'pod name')
    .argument('<command...>', 'program and arguments, after --')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .option('-c, --container <container>', 'container of the pod (default: its only one)')
    .action(async (pod: string, words: string[], options: ExecOptions, command: Command) => {
      const client = compose(command.optsWithGlobals<GlobalOptions>()).resolve(tokens.kubeletClient);
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      try {
        const container = options.container ?? (await onlyContainer(client, options.namespace, pod));
        const { stdout, stderr, exitCode } = await client.exec(options.namespace, pod, container, words, interrupted.signal);
        process.stdout.write(stdout);
        process.stderr.write(stderr);
        process.exitCode = exitCode;
      } catch (error) {
        if (!interrupted.signal.aborted) throw error;
        process.exitCode = 130;
      } finally {
        await client.close();
      }
    });
}
