import { unlessAborted } from '@berth/sdk/abort';
import type { Refusal } from '@berth/sdk/scheduler';
import type { ExtensionPoint, Plugin, PluginRefusal } from '../framework.ts';
import { ExtensionPointFailure } from './extension-point-failure.ts';

/** What the plugin gives at a point; what it throws as its failure there, unless another plugin that it has asked has failed. */
export function ask<Result>(plugin: Plugin, point: ExtensionPoint, question: () => Result): Result {
  try {
    return question();
  } catch (thrown) {
    throw failureOf(plugin, point, thrown);
  }
}

/** The same for a plugin that may take its time: it is waited for until `signal` aborts, whether it looks at that or not. */
export async function askAsync<Result>(
  plugin: Plugin,
  point: ExtensionPoint,
  signal: AbortSignal,
  question: () => Promise<Result> | Result,
): Promise<Result> {
  try {
    signal.throwIfAborted();
    return await unlessAborted(Promise.resolve(question()), signal);
  } catch (thrown) {
    throw failureOf(plugin, point, thrown);
  }
}

/** Asks the plugins in turn, up to the first that refuses. */
export function firstRefusal<Asked extends Plugin>(
  plugins: readonly Asked[],
  point: ExtensionPoint,
  question: (plugin: Asked) => Refusal | undefined,
): PluginRefusal | undefined {
  for (const plugin of plugins) {
    const refusal = ask(plugin, point, () => question(plugin));
    if (refusal) return { plugin: plugin.name, ...refusal };
  }
  return undefined;
}

/** The same for plugins that may take their time. */
export async function firstRefusalAsync<Asked extends Plugin>(
  plugins: readonly Asked[],
  point: ExtensionPoint,
  signal: AbortSignal,
  question: (plugin: Asked) => Promise<Refusal | undefined> | Refusal | undefined,
): Promise<PluginRefusal | undefined> {
  for (const plugin of plugins) {
    const refusal = await askAsync(plugin, point, signal, () => question(plugin));
    if (refusal) return { plugin: plugin.name, ...refusal };
  }
  return undefined;
}

function failureOf(plugin: Plugin, point: ExtensionPoint, thrown: unknown): ExtensionPointFailure {
  return thrown instanceof ExtensionPointFailure ? thrown : new ExtensionPointFailure(plugin, point, thrown);
}
