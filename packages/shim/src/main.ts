import type { Logger } from 'pino';
import type { Calls } from './calls.ts';
import type { Images } from './image/images.ts';
import type { Runtime } from './runtime.ts';

/** What a runtime plugin's command line gives it, besides its own flags. */
export interface ShimOptions {
  /** `unix:///path` */
  listen: string;
  /** `ROOT`: images are in ROOT/images, this runtime's objects in ROOT/runtimes/HANDLER. */
  root: string;
  /** `RUN`: namespace pins, mounts, call records. */
  run: string;
  handler: string;
  cniConfDir: string;
  cniBinDirs: string[];
}

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

/**
 * A runtime plugin's whole program: reads the common flags (`--listen --root --run --handler --cni-conf-dir
 * --cni-bin-dir --log-level`) and the plugin's own, starts the CRI server, prints nothing on stdout but logs (pino, JSON), closes
 * on SIGINT and SIGTERM without touching containers. Exit status 1 and one line on stderr if it can't start.
 */
export declare function runtimeMain(plugin: RuntimePlugin, argv?: string[]): Promise<void>;
