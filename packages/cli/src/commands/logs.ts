import { Command } from 'commander';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { onlyContainer } from '../node/only-container.ts';
import { podReference } from './pod-reference.ts';

interface LogOptions {
  namespace: string;
  container?: string;
  follow?: boolean;
  tail?: string;
  previous?: boolean;
}

/** `berth logs POD`: a container's log, as kubectl logs prints it. */
export function logsCommand(): Command {
  return new Command('logs')
    .description("print a container's log")
    .argument('<pod>', 'pod name, or NAMESPACE/NAME')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .option('-c, --container <container>', 'container of the pod (default: its only one)')
    .option('-f, --follow', 'go on as lines come')
    .option('--tail <lines>', 'only the last lines')
    .option('-p, --previous', 'of the instance before the last restart')
    .action(async (text: string, options: LogOptions, command: Command) => {
      const client = new KubeletClient(command.optsWithGlobals<GlobalOptions>());
      const { namespace, name } = podReference(text, options.namespace);
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      try {
        const container = options.container ?? (await onlyContainer(client, namespace, name));
        const log = await client.logs(namespace, name, container, query(options), interrupted.signal);
        for await (const chunk of log) process.stdout.write(chunk);
      } catch (error) {
        if (!interrupted.signal.aborted) throw error;
      } finally {
        await client.close();
      }
    });
}

function query({ follow, tail, previous }: LogOptions): Record<string, string> {
  return {
    ...(follow && { follow: 'true' }),
    ...(tail !== undefined && { tailLines: tail }),
    ...(previous && { previous: 'true' }),
  };
}
