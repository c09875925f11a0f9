import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { ExtensionPoint, Plugin } from '../framework.ts';
import type { PluginFailure } from '../verdict.ts';

/** A plugin threw, or answered what can't be: which one, and where. The pod's try ends with it. */
export class ExtensionPointFailure extends Error implements PluginFailure {
  readonly plugin: string;
  readonly point: ExtensionPoint;

  constructor(plugin: Plugin, point: ExtensionPoint, thrown: unknown) {
    super(PluginError.from(thrown).message, { cause: thrown });
    this.name = 'ExtensionPointFailure';
    this.plugin = plugin.name;
    this.point = point;
  }
}

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

function failureOf(plugin: Plugin, point: ExtensionPoint, thrown: unknown): ExtensionPointFailure {
  return thrown instanceof ExtensionPointFailure ? thrown : new ExtensionPointFailure(plugin, point, thrown);
}
