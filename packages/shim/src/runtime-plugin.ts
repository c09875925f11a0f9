import type { Logger } from 'pino';
import type { Calls } from './calls.ts';
import type { Images } from './image/images.ts';
import type { Runtime } from './runtime.ts';
import type { ShimOptions } from './shim-options.ts';

export interface PluginContext {
  options: ShimOptions;
  /** Values of the plugin's own flags, camel-cased: `ociRuntime`. */
  flags: Record<string, string | boolean | undefined>;
  /** Every program that the runtime executes goes through here, so that `berth trace` shows it. */
  calls: Calls;
  log: Logger;
}

export interface RuntimePlugin {
  /** The handler it serves if `--handler` names no other: `runc`. */
  handler: string;
  /** Flags of its own, in commander's notation, by name: `{ '--oci-runtime <binary>': 'OCI runtime to drive (default runc)' }`. */
  flags?: Record<string, string>;
  runtime(context: PluginContext): Runtime;
  /** Left out: the layered store under ROOT/images. */
  images?(context: PluginContext): Images;
}
