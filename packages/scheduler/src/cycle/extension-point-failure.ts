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
