import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type Served, serve } from '@berth/sdk/serve';
import { Command } from 'commander';
import { type Logger, pino } from 'pino';
import type { Calls } from './calls.ts';
import { ShimDirectories } from './directories.ts';
import { FileCalls } from './file-calls.ts';
import { imageService } from './image/image-service.ts';
import type { Images } from './image/images.ts';
import { PodNetwork } from './network/pod-network.ts';
import { recover } from './recovery.ts';
import type { Runtime } from './runtime.ts';
import { runtimeService } from './runtime-service.ts';
import { Shim } from './shim.ts';
import type { ShimOptions } from './shim-options.ts';
import { watchEvents } from './watch-events.ts';

export type { ShimOptions } from './shim-options.ts';

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
 * --cni-bin-dir --log-level`) and the plugin's own, starts the CRI server, logs on standard error (pino, JSON), closes
 * on SIGINT and SIGTERM, and at the end of standard input if BERTH_SUPERVISED is set, without touching containers. Exit
 * status 1 and one line on standard error if it can't start.
 */
export async function runtimeMain(plugin: RuntimePlugin, argv: string[] = process.argv): Promise<void> {
  const { options, flags, logLevel } = parseFlags(plugin, argv);
  const log = pino({ name: options.handler, level: logLevel }, pino.destination({ dest: 2, sync: true }));
  const ending = new AbortController();
  try {
    const served = await start(plugin, options, flags, log, ending.signal);
    await toldToEnd();
    await served.close();
    ending.abort();
  } catch (error) {
    process.stderr.write(`${options.handler}: ${PluginError.from(error).message}\n`);
    process.exitCode = 1;
    ending.abort();
  }
}

async function start(
  plugin: RuntimePlugin,
  options: ShimOptions,
  flags: PluginContext['flags'],
  log: Logger,
  ending: AbortSignal,
): Promise<Served> {
  for (const directory of [options.root, options.run]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const directories = new ShimDirectories(options.root, options.run, options.handler);
  const calls = new FileCalls(directories.calls);
  const context: PluginContext = { options, flags, calls, log };
  const network = new PodNetwork({ confDir: options.cniConfDir, binDirs: options.cniBinDirs, cacheDir: directories.cni, calls });
  const images = plugin.images?.(context) ?? (await layeredImages(options.root));
  const shim = new Shim({ options, runtime: plugin.runtime(context), images, network, calls, log });
  shim.version = await shim.runtime.prepare(ending);
  await recover(shim, ending);
  void watchEvents(shim, ending).catch((error) => log.fatal({ err: error }, 'the runtime tells no more events'));
  const served = await serve(options.listen, [
    [RuntimeServiceService, runtimeService(shim)],
    [ImageServiceService, imageService(images)],
  ]);
  log.info({ endpoint: served.address, version: shim.version }, 'serving');
  return served;
}

/** Loaded only where it is used: a runtime whose images are names needs neither libc nor a registry client. */
async function layeredImages(root: string): Promise<Images> {
  const { LayeredImages } = await import('./image/store.ts');
  return new LayeredImages(join(root, 'images'));
}

function parseFlags(plugin: RuntimePlugin, argv: string[]): { options: ShimOptions; flags: PluginContext['flags']; logLevel: string } {
  const command = new Command(`berth-runtime-${plugin.handler}`)
    .description(`CRI server of the runtime ${plugin.handler}`)
    .requiredOption('--listen <endpoint>', 'unix:///PATH or HOST:PORT')
    .option('--root <directory>', 'where images and objects are', '/var/lib/berth')
    .option('--run <directory>', 'where namespaces and call records are', '/run/berth')
    .option('--handler <name>', 'handler that it serves', plugin.handler)
    .option('--cni-conf-dir <directory>', 'CNI configuration', '/etc/cni/net.d')
    .option(
      '--cni-bin-dir <directory>',
      'CNI plugins; may be repeated',
      (value: string, earlier: string[]) => [...earlier, value],
      [] as string[],
    )
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent', 'info');
  for (const [flag, description] of Object.entries(plugin.flags ?? {})) command.option(flag, description);
  command.parse(argv);
  const { listen, root, run, handler, cniConfDir, cniBinDir, logLevel, ...flags } = command.opts();
  const cniBinDirs = cniBinDir.length > 0 ? cniBinDir : ['/opt/cni/bin'];
  return { options: { listen, root, run, handler, cniConfDir, cniBinDirs }, flags, logLevel };
}

/** Resolves at SIGINT, SIGTERM, or when the node that supervises this process is gone. */
async function toldToEnd(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  if (process.env.BERTH_SUPERVISED) process.stdin.once('end', () => resolve()).resume();
  await promise;
  process.stdin.destroy();
}
