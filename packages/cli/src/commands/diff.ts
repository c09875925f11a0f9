import { Command, Option } from 'commander';
import { compose, tokens } from '../compose.ts';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { type ComparedFact, compareFacts } from '../diff/comparison.ts';
import { Interview } from '../diff/interview.ts';
import { awaitVerdicts } from '../node/await-verdicts.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { manifestOrigins } from '../node/manifest-origins.ts';
import { readManifestsOfPods } from '../node/read-manifests.ts';
import { runtimeEntry } from '../node/runtime-command.ts';
import { formatTable } from '../view/listing.ts';
import { LiveStatus } from '../view/live-status.ts';
import { nameList, seconds } from './arguments.ts';
import { Interruption } from './interruption.ts';

interface DiffOptions extends GlobalOptions {
  filename: string[];
  handlers: string[];
  image: string[];
  output: 'table' | 'json';
  all?: boolean;
  /** Milliseconds. */
  timeout: number;
}

/** `berth diff -f POD --handlers A,B`: runs each pod once on each runtime, and prints where they differ. */
export function diffCommand(): Command {
  return new Command('diff')
    .description('run the pods of manifest files once on each of several runtimes, and print where they differ')
    .requiredOption('-f, --filename <file...>', 'manifest files, directories of them, or - for standard input')
    .requiredOption('--handlers <handlers>', 'handlers to compare, separated by commas: runc,vm', nameList)
    .option('--image <archive...>', 'load these image archives first', [])
    .option('--all', 'print also what is the same')
    .addOption(
      new Option('--timeout <seconds>', 'how long the pods may take, and each answer of theirs').argParser(seconds).default(120_000, '120'),
    )
    .addOption(new Option('-o, --output <format>', 'format').choices(['table', 'json']).default('table'))
    .action(async (_options: unknown, command: Command) => {
      process.exitCode = await diff(command.optsWithGlobals<DiffOptions>());
    });
}

/** Exit status 1 if a pod didn't do what its manifest says on one of the handlers. */
async function diff(options: DiffOptions): Promise<number> {
  const parts = compose(options);
  const configuration = parts.resolve(tokens.configuration);
  for (const handler of options.handlers) runtimeEntry(configuration, handler);
  const node = parts.resolve(tokens.node);
  const client = new KubeletClient(options);
  const interruption = new Interruption();
  const { signal } = interruption;
  const interview = new Interview(client, { root: options.root, run: options.run }, signal, options.timeout);
  const failures: string[] = [];
  try {
    await readManifestsOfPods(options.filename, signal);
    await node.start({
      origins: manifestOrigins({ manifests: options.filename, handlers: options.handlers, nodeName: parts.resolve(tokens.nodeName) }),
      defaultHandler: options.handlers[0],
      images: options.image,
      ephemeral: false,
      signal,
    });
    const status = new LiveStatus(process.stderr);
    const limit = AbortSignal.timeout(options.timeout);
    const onChange = (pods: ReturnType<typeof node.pods>): void => {
      status.show(pods);
      interview.ask(pods);
    };
    failures.push(...(await awaitVerdicts(node, { onChange, signal, limit })), ...node.sourceProblems());
    status.done();
    signal.throwIfAborted();
    print(await interview.facts(node.pods()), options);
  } catch (error) {
    if (!interruption.caused(error)) throw error;
    process.stderr.write('berth: interrupted\n');
  } finally {
    // Nobody wants these pods but to compare them: the first Ctrl-C already ends them without their grace periods.
    failures.push(...(await node.stop({ removePods: true, hurry: signal })));
    await client.close();
    interruption.release();
  }
  for (const failure of failures) process.stderr.write(`failed ${failure}\n`);
  return failures.length > 0 || signal.aborted ? 1 : 0;
}

/** A table for each pod. */
function print(pods: Awaited<ReturnType<Interview['facts']>>, { handlers, all, output }: DiffOptions): void {
  const compared = pods.map(({ pod, facts }) => ({ pod, facts: compareFacts(facts) }));
  if (output === 'json') return void process.stdout.write(`${JSON.stringify(compared, undefined, 2)}\n`);
  for (const { pod, facts } of compared) {
    const shown = facts.filter((fact) => all || fact.differs);
    const rows = shown.map(({ fact, values }) => [fact, ...handlers.map((handler) => values[handler] || '-')]);
    process.stdout.write(`pod ${pod}\n${formatTable(['FACT', ...handlers.map((handler) => handler.toUpperCase())], rows)}\n`);
    if (!all) process.stdout.write(`${sameOnAll(facts)}\n`);
  }
}

function sameOnAll(facts: ComparedFact[]): string {
  const same = facts.filter((fact) => !fact.differs).map(({ fact }) => fact);
  return same.length > 0 ? `the same on all: ${same.join(', ')}` : 'nothing is the same on all';
}
