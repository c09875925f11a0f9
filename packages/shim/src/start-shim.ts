import { mkdirSync, realpathSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type Served, serve } from '@berth/sdk/serve';
import type { Logger } from 'pino';
import { ShimDirectories } from './directories.ts';
import { FileCalls } from './file-calls.ts';
import type { Lock } from './files/file-lock.ts';
import { imageService } from './image/image-service.ts';
import type { Images } from './image/images.ts';
import { collectNetworkGarbage } from './network/collect-network-garbage.ts';
import { PodCidr } from './network/pod-cidr.ts';
import { PodNetwork } from './network/pod-network.ts';
import type { RuntimeVersion } from './runtime.ts';
import type { PluginContext, RuntimePlugin } from './runtime-plugin.ts';
import { runtimeService } from './runtime-service.ts';
import { Shim } from './shim.ts';
import type { ShimOptions } from './shim-options.ts';
import { recover } from './shim-recovery.ts';
import { lockState } from './state-lock.ts';
import { watchEvents } from './watch-events.ts';

export interface StartedShim {
  /** Where it listens. */
  readonly address: string;
  readonly version: RuntimeVersion;
  /** Ends it without touching containers, and removes what is empty of its run directory. */
  close(): Promise<void>;
}

export interface StartOptions {
  options: ShimOptions;
  flags: PluginContext['flags'];
  log: Logger;
  /** Pid of the node that started this process and ends with it; undefined where nobody supervises it. */
  supervisor?: number;
}

/** Longest that the calls which were cancelled at the end may take to clean up. */
const cancelledCallsMs = 15_000;

/**
 * A timer that holds the event loop while nothing is served: the end of a process, told by a watched directory, holds none, and neither
 * does a deadline. Without it Node would end a start, or the clean-up at the end, in its middle.
 */
const holdMs = 60_000;

/** Starts a runtime's CRI server: takes its state directory, checks the runtime, takes up what an earlier one left, serves. */
export async function startShim(plugin: RuntimePlugin, { options: given, flags, log, supervisor }: StartOptions): Promise<StartedShim> {
  const options = { ...given, root: madeDirectory(given.root), run: madeDirectory(given.run) };
  const directories = new ShimDirectories(options.root, options.run, options.handler);
  const lock = await takeState(directories, { options, flags, log, ...(supervisor !== undefined && { supervisor }) });
  const ending = new AbortController();
  const holding = setInterval(() => undefined, holdMs);
  let network: PodNetwork | undefined;
  try {
    const shim = await makeShim(plugin, { options, flags, log }, directories);
    network = shim.network;
    shim.version = await shim.runtime.prepare(ending.signal);
    await recover(shim, ending.signal);
    const watching = watch(shim, ending.signal);
    const collecting = shim.features.network ? collectNetworkGarbage(shim, ending.signal) : undefined;
    const served = await serveShim(shim, options.listen);
    const close = async (): Promise<void> => {
      await served.close();
      await shim.streaming.close();
      // Calls that were cancelled are still taking back what they had begun.
      await Promise.race([shim.locks.idle(), setTimeout(cancelledCallsMs, undefined, { ref: false })]);
      ending.abort();
      await watching;
      await collecting;
      shim.network.close();
      for (const directory of directories.runDirectories) removeIfEmpty(directory);
      lock?.release();
      clearInterval(holding);
    };
    return { address: served.address, version: shim.version, close };
  } catch (error) {
    ending.abort();
    network?.close();
    lock?.release();
    clearInterval(holding);
    throw error;
  }
}

async function serveShim(shim: Shim, address: string): Promise<Served> {
  await shim.streaming.listen();
  try {
    return await serve(address, [
      [RuntimeServiceService, runtimeService(shim)],
      [ImageServiceService, imageService(shim.images)],
    ]);
  } catch (error) {
    await shim.streaming.close();
    throw error;
  }
}

async function makeShim(plugin: RuntimePlugin, { options, flags, log }: StartOptions, directories: ShimDirectories): Promise<Shim> {
  const calls = new FileCalls(directories);
  const context: PluginContext = { options, flags, calls, log };
  const podCidr = new PodCidr(directories.podCidr);
  await podCidr.load();
  const network = new PodNetwork({
    root: directories.root,
    confDir: options.cniConfDir,
    binDirs: options.cniBinDirs,
    cacheDir: directories.cni,
    podCidr,
    calls,
    log,
  });
  const images = plugin.images?.(context) ?? (await layeredImages(options));
  return new Shim({ options, runtime: plugin.runtime(context), images, network, podCidr, calls, log });
}

/** Loaded only where it is used: a runtime whose images are names needs no registry client. */
async function layeredImages({ root, handler, registryConfigPath }: ShimOptions): Promise<Images> {
  const { LayeredImages } = await import('./image/store.ts');
  return new LayeredImages(join(root, 'images'), { owner: handler, ...(registryConfigPath !== undefined && { registryConfigPath }) });
}

/** Its real path: mount tables have no symbolic links in them. */
function madeDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return realpathSync(path);
  } catch (error) {
    throw PluginError.from(error, 'INTERNAL', { object: path, hint: 'choose a directory that this user may write to' });
  }
}

/** Undefined where there are no such locks. */
async function takeState(
  { lock: path }: ShimDirectories,
  { options: { handler }, log, supervisor }: StartOptions,
): Promise<Lock | undefined> {
  if (process.platform !== 'linux') return undefined;
  return await lockState({ path, handler, log, ...(supervisor !== undefined && { supervisor }) });
}

async function watch(shim: Shim, signal: AbortSignal): Promise<void> {
  try {
    await watchEvents(shim, signal);
    if (signal.aborted) return;
    shim.fault = 'the runtime ended its stream of events';
  } catch (error) {
    if (signal.aborted) return;
    shim.fault = `the runtime tells no more events: ${PluginError.from(error).message}`;
  }
  shim.log.fatal(shim.fault);
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
