import { parseArgs } from 'node:util';
import { PluginError } from '../errors.ts';
import {
  Code,
  type EvaluateRequest,
  type EvaluateResponse,
  type NodeAnswer as NodeAnswerMessage,
  Normalization,
  type SchedulerPluginService,
  type SnapshotDelta,
  SchedulerPluginService as service,
} from '../gen/scheduler.ts';
import type { Refusal, SchedulerPlugin, SchedulerPluginFactory } from '../scheduler.ts';
import { type Implementation, type Served, type ServeOptions, serve } from '../serve.ts';
import { evaluate, type NodeAnswer } from './evaluate.ts';
import { readPod, SnapshotStore } from './snapshot-store.ts';

/** Serves a plugin to schedulers on `unix:///path` or `host:port`, as `proto/scheduler.proto` has it. */
export function serveSchedulerPlugin(plugin: SchedulerPlugin, address: string, options?: ServeOptions): Promise<Served> {
  return serve(address, [[service, schedulerService(plugin)]], options);
}

/**
 * A scheduler plugin's whole program: serves it on `--listen ADDRESS`, made with the `args` that `--args JSON` gives, until SIGINT,
 * SIGTERM, or, if BERTH_SUPERVISED is set, the end of standard input. Exit status 1 and one line on standard error if it can't start.
 */
export async function schedulerMain(create: SchedulerPluginFactory, argv: string[] = process.argv.slice(2)): Promise<void> {
  try {
    const { listen, args } = parseArgs({ args: argv, options: { listen: { type: 'string' }, args: { type: 'string' } } }).values;
    if (!listen) throw new PluginError('INVALID_ARGUMENT', 'no address to listen on', { hint: 'give --listen unix:///PATH or HOST:PORT' });
    const plugin = create(readArgs(args ?? '{}'));
    const served = await serveSchedulerPlugin(plugin, listen);
    const end = toldToEnd();
    process.stdout.write(`${plugin.name} listens on ${served.address}\n`);
    await end;
    await served.close();
  } catch (error) {
    process.stderr.write(`scheduler plugin: ${PluginError.from(error).message}\n`);
    process.exitCode = 1;
  }
}

function readArgs(text: string): Record<string, unknown> {
  try {
    const args: unknown = JSON.parse(text);
    if (typeof args === 'object' && args !== null && !Array.isArray(args)) return { ...args };
  } catch {
    // Told below, as any other text that is no object.
  }
  throw new PluginError('INVALID_ARGUMENT', `${text} is no JSON object`, { object: '--args', hint: `write it like '{"key": "value"}'` });
}

async function toldToEnd(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  if (process.env.BERTH_SUPERVISED) process.stdin.once('end', () => resolve()).resume();
  await promise;
  process.stdin.destroy();
}

const normalizations = { none: Normalization.NONE, default: Normalization.DEFAULT, reverse: Normalization.REVERSE };

/** The plugin as an implementation of `proto/scheduler.proto`, for a server that serves something else besides. */
export function schedulerService(plugin: SchedulerPlugin): Implementation<SchedulerPluginService> {
  const snapshots = new SnapshotStore();
  return {
    describe: () => ({
      name: plugin.name,
      filters: plugin.filters,
      scores: plugin.scores,
      normalization: normalizations[plugin.normalization],
    }),
    updateSnapshot: ({ delta }) => ({ wantsFullSnapshot: snapshots.apply(present(delta, 'delta')) === undefined }),
    evaluate: (request, { signal }) => answer(plugin, snapshots, request, signal),
  };
}

async function answer(
  plugin: SchedulerPlugin,
  snapshots: SnapshotStore,
  request: EvaluateRequest,
  signal: AbortSignal,
): Promise<EvaluateResponse> {
  const delta: SnapshotDelta = present(request.delta, 'delta');
  const pod = readPod(present(request.pod, 'pod'));
  const nodes = snapshots.apply(delta);
  if (!nodes) return { wantsFullSnapshot: true, generation: 0n, nodes: [] };
  const answers = await evaluate(plugin, pod, nodes, signal);
  return { wantsFullSnapshot: false, generation: delta.generation, nodes: answers.map(answerMessage) };
}

function answerMessage({ name, refusal, score }: NodeAnswer): NodeAnswerMessage {
  return { name, ...(refusal && { refusal: refusalMessage(refusal) }), ...(score !== undefined && { score: BigInt(score) }) };
}

function refusalMessage({ code, reasons }: Refusal): NodeAnswerMessage['refusal'] {
  return { code: code === 'Unschedulable' ? Code.UNSCHEDULABLE : Code.UNSCHEDULABLE_AND_UNRESOLVABLE, reasons };
}

function present<T>(value: T | undefined, field: string): T {
  if (value !== undefined) return value;
  throw new PluginError('INVALID_ARGUMENT', `the request has no ${field}`, { hint: 'send what proto/scheduler.proto asks for' });
}
