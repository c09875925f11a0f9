import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PluginError } from '@berth/sdk/errors';
import type { SchedulerPlugin, SchedulerPluginFactory } from '@berth/sdk/scheduler';
import { z } from 'zod';
import { EvaluatedPlugin } from './evaluated-plugin.ts';
import type { Evaluator } from './evaluator.ts';
import { InProcessEvaluator } from './in-process-evaluator.ts';
import { RemoteEvaluator } from './remote-evaluator.ts';

const apiVersion = z.literal('berth.dev/v1alpha1');
const timeoutSeconds = z.number().positive().max(3600).default(5);

/** `args` of a plugin that doesn't come with the scheduler: the endpoint of its process, or the module to load. */
export const externalPluginArgs = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion,
    kind: z.literal('RemotePluginArgs'),
    endpoint: z.string().regex(/^(unix:\/\/\/|[^/]+:\d+$)/, 'must be unix:///PATH or HOST:PORT'),
    timeoutSeconds,
  }),
  z.strictObject({
    apiVersion,
    kind: z.literal('ModulePluginArgs'),
    /** A path, from the configuration's directory, or what Node imports by its name. */
    module: z.string().min(1),
    /** The plugin's own. */
    args: z.record(z.string(), z.unknown()).default({}),
    timeoutSeconds,
  }),
]);

export type ExternalPluginArgs = z.infer<typeof externalPluginArgs>;

/** A plugin by its arguments, and what ends it. */
export interface ExternalPlugin {
  plugin: EvaluatedPlugin;
  close(): void;
}

/**
 * Makes the plugin that `pluginConfig` names. A process is not called yet: it may come up later. A module that can't be loaded, or
 * gives no plugin of that name, is a PluginError. `file` is the configuration.
 */
export async function loadExternalPlugin(name: string, args: ExternalPluginArgs, file: string): Promise<ExternalPlugin> {
  const evaluator = await evaluatorOf(name, args, file);
  return { plugin: new EvaluatedPlugin(name, evaluator), close: () => evaluator.close() };
}

async function evaluatorOf(name: string, args: ExternalPluginArgs, file: string): Promise<Evaluator> {
  const timeoutMs = args.timeoutSeconds * 1000;
  if (args.kind === 'RemotePluginArgs') return new RemoteEvaluator({ name, endpoint: args.endpoint, timeoutMs });
  const plugin = (await factoryOf(args.module, file))(args.args);
  if (plugin?.name === name) return new InProcessEvaluator(plugin, timeoutMs);
  throw new PluginError('INVALID_ARGUMENT', `it makes plugin ${JSON.stringify(plugin?.name)}, not ${name}`, {
    object: args.module,
    hint: "pluginConfig has to give the plugin's own name",
  });
}

async function factoryOf(module: string, file: string): Promise<SchedulerPluginFactory> {
  const specifier = /^[./]/.test(module) ? pathToFileURL(resolve(dirname(file), module)).href : module;
  const loaded: { default?: unknown } = await import(specifier).catch((thrown) => {
    throw notLoaded(module, thrown);
  });
  if (typeof loaded.default === 'function') return loaded.default as (args: Record<string, unknown>) => SchedulerPlugin;
  throw new PluginError('INVALID_ARGUMENT', 'its default export is no function', {
    object: module,
    hint: 'export default a function that takes args and gives schedulerPlugin({...})',
  });
}

function notLoaded(module: string, thrown: unknown): PluginError {
  const { message } = PluginError.from(thrown);
  const hint = hintFor(message, (thrown as { code?: unknown }).code);
  return new PluginError('NOT_FOUND', `it can't be loaded: ${message}`, { object: module, hint, cause: thrown });
}

/** Node tells who imports what it doesn't find: this file the module, or the module what it needs. */
function hintFor(message: string, code: unknown): string {
  if (code !== 'ERR_MODULE_NOT_FOUND') return 'mend the module';
  if (message.includes(import.meta.filename)) {
    return "give a path from the configuration's directory, beginning with ./, or install the package";
  }
  return 'install what it imports where it is: npm install';
}
