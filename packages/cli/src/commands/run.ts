import { Command, Option } from 'commander';
import picocolors from 'picocolors';
import { compose, type GlobalOptions, tokens } from '../compose.ts';
import { awaitVerdicts } from '../node/await-verdicts.ts';
import type { KubeletClient } from '../node/kubelet-client.ts';
import type { Node } from '../node/node.ts';
import { LiveStatus } from '../view/live-status.ts';
import { followLogs, printLogs } from '../view/pod-logs.ts';
import { timelineOf } from '../view/timeline.ts';
import { seconds } from './arguments.ts';

interface RunOptions extends GlobalOptions {
  filename: string[];
  runtime?: string;
  image: string[];
  once?: boolean;
  keep?: boolean;
  ephemeral?: boolean;
  /** Milliseconds. */
  timeout: number;
}

/** `berth run -f FILE...`: a node without an API server, in the foreground. */
export function runCommand(): Command {
  return new Command('run')
    .description('run the pods of manifest files on a node in the foreground; Ctrl-C stops them and leaves nothing behind')
    .requiredOption('-f, --filename <file...>', 'manifest files, or directories of them')
    .option('--runtime <handler>', 'runtime of pods without a runtimeClassName (default: defaultHandler in berth.yaml)')
    .option('--image <archive...>', 'load these image archives first', [])
    .option('--once', 'end by itself: exit status 0 only if every pod did what its manifest says')
    .addOption(new Option('--timeout <seconds>', 'with --once, how long the pods may take').argParser(seconds).default(120_000, '120'))
    .option('--keep', 'leave the pods running at the end; the next "berth run" takes them over')
    .option('--ephemeral', 'remove the root and run directories at the end if this command made them')
    .action(async (_options: unknown, command: Command) => {
      process.exitCode = await run(command.optsWithGlobals<RunOptions>());
    });
}

async function run(options: RunOptions): Promise<number> {
  const container = compose(options);
  const node = container.resolve(tokens.node);
  const client = container.resolve(tokens.kubeletClient);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let failures: string[] = [];
  try {
    say(`starting a node, root ${options.root}, run directory ${options.run}`);
    await node.start({
      manifests: options.filename,
      defaultHandler: options.runtime,
      images: options.image,
      ephemeral: options.ephemeral ?? false,
      signal: interrupted.signal,
    });
    failures = await show(node, client, options, interrupted.signal);
  } finally {
    say(options.keep ? 'ending the node, its pods go on' : 'stopping the pods');
    await client.close();
    failures.push(...(await node.stop({ keep: options.keep ?? false, hurry: hurried(interrupt) })));
    process.removeAllListeners('SIGINT').off('SIGTERM', interrupt);
  }
  for (const failure of failures) process.stderr.write(`${picocolors.red('failed')} ${failure}\n`);
  return failures.length > 0 || (options.once && interrupted.signal.aborted) ? 1 : 0;
}

/** Shows the pods coming up, their logs and timeline; then, unless `once`, goes on with the logs until interrupted. */
async function show(node: Node, client: KubeletClient, options: RunOptions, signal: AbortSignal): Promise<string[]> {
  const status = new LiveStatus(process.stdout);
  const limit = options.once ? AbortSignal.timeout(options.timeout) : undefined;
  const failures = await awaitVerdicts(node, { onChange: (pods) => status.show(pods), signal, limit });
  status.done();
  const pods = node.pods();
  for (const pod of pods) say(`pod ${pod.metadata?.name} has the address ${pod.status?.podIP ?? '<none>'}`);
  say('their logs:');
  await printLogs(client, pods, process.stdout, signal);
  for (const pod of pods) {
    say(`the plugin calls that made pod ${pod.metadata?.name}:`);
    const lines = await timelineOf(client, pod, { root: options.root, run: options.run }, process.stdout.columns ?? 120);
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  if (!options.once && !signal.aborted) {
    say('the node goes on; look at it from another terminal with "berth ps", "berth logs", "berth trace"; Ctrl-C ends it');
    await followLogs(client, pods, process.stdout, signal);
  }
  return failures;
}

/** A second Ctrl-C ends the pods without their grace period. */
function hurried(firstInterrupt: () => void): AbortSignal {
  const hurry = new AbortController();
  process.off('SIGINT', firstInterrupt).on('SIGINT', () => hurry.abort());
  return hurry.signal;
}

function say(text: string): void {
  process.stdout.write(`${picocolors.bold('berth')} ${text}\n`);
}
