import { parseArgs } from 'node:util';
import { PluginError } from '../errors.ts';
import {
  Code,
  type EvaluateRequest,
  type EvaluateResponse,
  type NodeAnswer,
  Normalization,
  type SchedulerPluginService,
  SchedulerPluginService as service,
  type SnapshotDelta,
} from '../gen/scheduler.ts';
import type { NodeInfo, PodInfo, Refusal, SchedulerPlugin } from '../scheduler.ts';
import { type Implementation, type Served, type ServeOptions, serve } from '../serve.ts';
import { readPod, SnapshotStore } from './snapshot-store.ts';

/** Serves a plugin to schedulers on `unix:///path` or `host:port`, as `proto/scheduler.proto` has it. */
export function serveSchedulerPlugin(plugin: SchedulerPlugin, address: string, options?: ServeOptions): Promise<Served> {
  return serve(address, [[service, implementation(plugin)]], options);
}

/**
 * A scheduler plugin's whole program: serves it on `--listen ADDRESS` until SIGINT or SIGTERM. Exit status 1 and one line on standard
 * error if it can't start.
 */
export async function schedulerMain(plugin: SchedulerPlugin, argv: string[] = process.argv.slice(2)): Promise<void> {
  try {
    const { listen } = parseArgs({ args: argv, options: { listen: { type: 'string' } } }).values;
    if (!listen) throw new PluginError('INVALID_ARGUMENT', 'no address to listen on', { hint: 'give --listen unix:///PATH or HOST:PORT' });
    const served = await serveSchedulerPlugin(plugin, listen);
    process.stdout.write(`${plugin.name} listens on ${served.address}\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
    await promise;
    await served.close();
  } catch (error) {
    process.stderr.write(`${plugin.name}: ${PluginError.from(error).message}\n`);
    process.exitCode = 1;
  }
}

const normalizations = { none: Normalization.NONE, default: Normalization.DEFAULT, reverse: Normalization.REVERSE };

function implementation(plugin: SchedulerPlugin): Implementation<SchedulerPluginService> {
  const snapshots = new SnapshotStore();
  return {
    describe: () => ({
      name: plugin.name,
      filters: plugin.filters,
      scores: plugin.scores,
      normalization: normalizations[plugin.normalization],
    }),
    updateSnapshot: ({ delta }) => ({ wantsFullSnapshot: snapshots.apply(present(delta, 'delta')) === undefined }),
    evaluate: (request, { signal }) => evaluate(plugin, snapshots, request, signal),
  };
}

async function evaluate(
  plugin: SchedulerPlugin,
  snapshots: SnapshotStore,
  request: EvaluateRequest,
  signal: AbortSignal,
): Promise<EvaluateResponse> {
  const delta: SnapshotDelta = present(request.delta, 'delta');
  const pod = readPod(present(request.pod, 'pod'));
  const nodes = snapshots.apply(delta);
  if (!nodes) return { wantsFullSnapshot: true, generation: 0n, nodes: [] };
  const prepared = await plugin.prepare(pod, nodes, signal);
  return { wantsFullSnapshot: false, generation: delta.generation, nodes: nodes.map((node) => answer(plugin, pod, node, prepared)) };
}

function answer(plugin: SchedulerPlugin, pod: PodInfo, node: NodeInfo, prepared: unknown): NodeAnswer {
  const refusal = plugin.filter(pod, node, prepared);
  if (refusal) return { name: node.name, refusal: refusalMessage(refusal) };
  return { name: node.name, ...(plugin.scores && { score: BigInt(plugin.score(pod, node, prepared)) }) };
}

function refusalMessage({ code, reasons }: Refusal): NodeAnswer['refusal'] {
  return { code: code === 'Unschedulable' ? Code.UNSCHEDULABLE : Code.UNSCHEDULABLE_AND_UNRESOLVABLE, reasons };
}

function present<T>(value: T | undefined, field: string): T {
  if (value !== undefined) return value;
  throw new PluginError('INVALID_ARGUMENT', `the request has no ${field}`, { hint: 'send what proto/scheduler.proto asks for' });
}
