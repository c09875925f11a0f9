import { Command, Option } from 'commander';
import picocolors from 'picocolors';
import { compose, tokens } from '../compose.ts';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { awaitVerdicts } from '../node/await-verdicts.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { manifestOrigins } from '../node/manifest-origins.ts';
import type { Node } from '../node/node.ts';
import { readManifests, readManifestsOfPods } from '../node/read-manifests.ts';
import { LiveStatus } from '../view/live-status.ts';
import { followLogs, printLogs } from '../view/pod-logs.ts';
import { SourceProblems } from '../view/source-problems.ts';
import { terminalWidth } from '../view/terminal.ts';
import { timelineOf } from '../view/timeline.ts';
import { labels, seconds } from './arguments.ts';
import { Interruption } from './interruption.ts';

interface RunOptions extends GlobalOptions {
  filename: string[];
  objects: string[];
  runtime?: string;
  image: string[];
  nodeLabels?: Record<string, string>;
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
    .requiredOption('-f, --filename <file...>', 'manifest files, directories of them, or - for standard input')
    .option('--objects <path...>', 'files or directories of the config maps, secrets and service accounts that pods refer to', [])
    .option('--runtime <handler>', 'runtime of pods without a runtimeClassName (default: defaultHandler in berth.yaml)')
    .option('--image <archive...>', 'load these image archives first', [])
    .option('--node-labels <label=value,...>', 'labels of the node besides its own, for nodeSelector and node affinity of pods', labels)
    .option('--once', 'end by itself: exit status 0 only if every pod did what its manifest says')
    .addOption(new Option('--timeout <seconds>', 'with --once, how long the pods may take').argParser(seconds).default(120_000, '120'))
    .option('--keep', 'leave the pods running at the end; the next "berth run" takes them over')
    .option('--ephemeral', 'remove the root and run directories at the end if this command made them')
    .action(async (_options: unknown, command: Command) => {
      process.exitCode = await run(command.optsWithGlobals<RunOptions>());
    });
}

async function run(options: RunOptions): Promise<number> {
  const parts = compose(options);
  const node = parts.resolve(tokens.node);
  const client = new KubeletClient(options);
  const interruption = new Interruption();
  const { signal } = interruption;
  let failures: string[] = [];
  let started = false;
  try {
    await (options.once ? readManifestsOfPods : readManifests)(options.filename, signal, options.objects);
    say(`starting a node, root ${options.root}, run directory ${options.run}`);
    await node.start({
      origins: manifestOrigins({ manifests: options.filename, objects: options.objects, nodeName: parts.resolve(tokens.nodeName) }),
      ...(options.nodeLabels && { kubelet: { nodeStatus: { nodeLabels: options.nodeLabels } } }),
      defaultHandler: options.runtime,
      images: options.image,
      ephemeral: options.ephemeral ?? false,
      signal,
    });
    started = true;
    failures = await show(node, client, options, signal);
  } catch (error) {
    if (!interruption.caused(error)) throw error;
    say('interrupted');
  } finally {
    if (started) say(options.keep ? 'ending the node, its pods go on' : 'stopping the pods');
    failures.push(...(await node.stop({ removePods: !options.keep, hurry: interruption.ending() })));
    await client.close();
    interruption.release();
  }
  if (options.once && signal.aborted) failures.push('interrupted before it ended by itself');
  for (const failure of failures) process.stderr.write(`${picocolors.red('failed')} ${failure}\n`);
  return failures.length > 0 ? 1 : 0;
}

/**
 * Shows the pods coming up, their logs and timeline; then, unless `once`, goes on with the logs until interrupted. With `once`, gives
 * what failed; a node that goes on tells of broken manifests as they come.
 */
async function show(node: Node, client: KubeletClient, options: RunOptions, signal: AbortSignal): Promise<string[]> {
  if (options.once) {
    const failures = await showStart(node, client, options, AbortSignal.timeout(options.timeout), signal);
    return [...failures, ...node.sourceProblems()];
  }
  const stopTelling = new SourceProblems(process.stderr).follow(node);
  try {
    const failures = await showStart(node, client, options, undefined, signal);
    if (signal.aborted) return failures;
    say('the node goes on; look at it from another terminal with "berth ps", "berth logs", "berth trace"; Ctrl-C ends it');
    await followLogs(client, node.pods(), process.stdout, signal);
    return failures;
  } finally {
    stopTelling();
  }
}

/** The pods coming up until they have done what their manifests say, then their logs and timeline; gives the pods that failed. */
async function showStart(
  node: Node,
  client: KubeletClient,
  { root, run }: RunOptions,
  limit: AbortSignal | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const status = new LiveStatus(process.stdout);
  const failures = await awaitVerdicts(node, { onChange: (pods) => status.show(pods), signal, limit });
  status.done();
  const pods = node.pods();
  if (pods.length === 0) say('there are no pods yet');
  for (const pod of pods) say(`pod ${pod.metadata?.name} has the address ${pod.status?.podIP ?? '<none>'}`);
  if (pods.length > 0) say('their logs:');
  await printLogs(client, pods, process.stdout, signal);
  for (const pod of pods) {
    say(`the plugin calls that made pod ${pod.metadata?.name}:`);
    const lines = await timelineOf(client, pod, { root, run }, terminalWidth(process.stdout));
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return failures;
}

function say(text: string): void {
  process.stdout.write(`${picocolors.bold('berth')} ${text}\n`);
}
