import { neverAborted, withGrace } from '../abort.ts';
import { PluginError } from '../errors.ts';
import { isNamespaceFile } from '../namespace-file.ts';
import type { Attachment, AttachmentName } from './attachment.ts';
import type { ExecutePlugin, Execution } from './execution.ts';
import { describeCall, execute } from './execution.ts';
import { type NetworkLocks, ProcessNetworkLocks } from './network-locks.ts';
import { type PluginCall, PluginCaller } from './plugin-caller.ts';
import { checkAttachmentName } from './request.ts';
import { type CachedAttachment, ResultCache } from './result-cache.ts';
import { tryAgain } from './try-again.ts';
import type { NetworkConfigList, Result } from './types.ts';
import { CniError, errorCodes } from './types.ts';
import { compareVersions, readResult } from './versions.ts';

export type { Attachment, AttachmentName } from './attachment.ts';
export type { Execution } from './execution.ts';
export type { NetworkLocks } from './network-locks.ts';
export type { CachedAttachment } from './result-cache.ts';

export interface CniRunnerOptions {
  /** The directories that plugins are looked for in, in order (CNI_PATH). */
  pluginDirs: string[];
  /** Where results are kept for DEL; libcni's own directory by default. */
  cacheDir?: string;
  /** How long one execution of one plugin may take. */
  timeLimitMs?: number;
  /** How long an ADD or a DEL that a plugin answers with "try again later" (code 11) is tried again. Default: 3 s; 0: not at all. */
  tryAgainMs?: number;
  /** Sees each execution once it has ended, the failed ones too. */
  observe?: (execution: Execution) => void;
  /** How a plugin is run. Default: by executing it. */
  execute?: ExecutePlugin;
  /** Keep GC apart from ADD and DEL. Default: of this runner alone; several runners on one network have to share them. */
  locks?: NetworkLocks;
}

export interface AddOptions {
  /**
   * Somebody else may have attached a container under this name: nothing is removed where the first plugin itself refuses the ADD, since what is
   * there isn't this ADD's.
   */
  mayBeAttached?: boolean;
}

/** How long the DELs that clean up after a failed ADD may take all together. Short: its caller waits for the failure of the ADD. */
export const cleanUpLimitMs = 10_000;

/** A DEL that is killed in its middle may leave what no later one finds: one that has begun may end, whatever becomes of the collection. */
const collectionGraceMs = 10_000;

/** Tells what is in use; it throws where it can't, and then nothing is removed. */
export type ValidAttachments = () => AttachmentName[] | Promise<AttachmentName[]>;

type CancellableCall = (signal: AbortSignal) => Promise<unknown>;

/** Whether a network can take ADDs (SPEC.md, "STATUS"). Code 50: it can't. Code 51: it can't, and containers on it may have lost theirs. */
export type NetworkStatus = { condition: 'ready' } | { condition: 'unavailable' | 'limited-connectivity'; error: CniError };

/**
 * Runs chains of CNI plugins, as a runtime does (SPEC.md, "Execution of network configurations"). Every failure is one
 * PluginError that names the plugin, the network, the verb and what the plugin said; one that the plugin itself reported
 * is a CniError with the plugin's code ("try again later" is UNAVAILABLE).
 */
export class CniRunner {
  readonly #plugins: PluginCaller;
  readonly #cache: ResultCache;
  readonly #tryAgainMs: number;
  readonly #locks: NetworkLocks;

  constructor({
    pluginDirs,
    cacheDir = '/var/lib/cni',
    timeLimitMs = 60_000,
    tryAgainMs = 3000,
    observe = () => undefined,
    execute: run = execute,
    locks = new ProcessNetworkLocks(),
  }: CniRunnerOptions) {
    this.#plugins = new PluginCaller({ pluginDirs, timeLimitMs, observe, execute: run });
    this.#cache = new ResultCache(cacheDir);
    this.#tryAgainMs = tryAgainMs;
    this.#locks = locks;
  }

  /**
   * Attaches a container: runs ADD along the chain and keeps the last result. After a failure it runs DEL for the whole
   * chain. Returns the result in the shape of 1.1.0.
   */
  async add(list: NetworkConfigList, attachment: Attachment, signal?: AbortSignal, options: AddOptions = {}): Promise<Result> {
    checkAttachmentName(attachment);
    const once = () => this.#addOnce(list, attachment, signal, options);
    return tryAgain(this.#tryAgainMs, signal, () => this.#locks.shared(list.name, signal, once));
  }

  /**
   * Detaches a container: runs DEL along the chain in reverse order, with the kept result where the list is of 0.4.0 or newer, and forgets
   * that. Succeeds where there is nothing left to remove; stops at the first plugin that fails, so that it can be called again.
   */
  async del(list: NetworkConfigList, attachment: Attachment, signal?: AbortSignal): Promise<void> {
    checkAttachmentName(attachment);
    return tryAgain(this.#tryAgainMs, signal, () => this.#locks.shared(list.name, signal, () => this.#delOnce(list, attachment, signal)));
  }

  /**
   * Checks that an attachment is as ADD left it: runs CHECK along the chain with the kept result, up to the first plugin that fails. Does
   * nothing for a list with `disableCheck`. UNIMPLEMENTED for one older than 0.4.0, FAILED_PRECONDITION where no result is kept.
   */
  async check(list: NetworkConfigList, attachment: Attachment, signal?: AbortSignal): Promise<void> {
    checkAttachmentName(attachment);
    const object = `CNI network ${list.name}`;
    if (compareVersions(list.cniVersion, '0.4.0') < 0) {
      throw new PluginError('UNIMPLEMENTED', `cniVersion ${list.cniVersion} has no CHECK`, { object, hint: 'configure 0.4.0 or newer' });
    }
    if (list.disableCheck) return;
    await this.#locks.shared(list.name, signal, async () => {
      const prevResult = await this.#cache.read(list, attachment);
      if (!prevResult) {
        const { containerId, ifName } = attachment;
        const what = `no result is kept of an ADD of ${ifName} of container ${containerId}`;
        throw new PluginError('FAILED_PRECONDITION', what, { object, hint: 'add it first' });
      }
      for (const plugin of list.plugins) await this.#plugins.call({ list, plugin, attachment, prevResult, verb: 'CHECK' }, signal);
    });
  }

  /**
   * Removes what belongs to no valid attachment: runs DEL for those that are kept in the cache, as their ADD was run, then GC for each plugin
   * where the list is of 1.1.0 or newer, which takes all that this host's other runtimes have on the network, too. `validAttachments` is asked
   * once no ADD or DEL runs any more. Goes on past failures, and throws them all as one. A call that has begun when `signal` is aborted has some
   * seconds to end; none begins after that. Does nothing for a list with `disableGC`, which says that other runtimes are on the network, too.
   */
  async gc(list: NetworkConfigList, validAttachments: ValidAttachments, signal?: AbortSignal): Promise<void> {
    if (list.disableGC) return;
    await this.#collect(list, validAttachments, signal, (valid) =>
      compareVersions(list.cniVersion, '1.1.0') < 0
        ? []
        : list.plugins.map((plugin) => (late) => this.#plugins.call({ list, plugin, verb: 'GC', validAttachments: valid }, late)),
    );
  }

  /** As `gc`, but for GC itself: runs DEL for what is kept in the cache and not valid, and leaves alone what it knows nothing of. */
  async delStale(list: NetworkConfigList, validAttachments: ValidAttachments, signal?: AbortSignal): Promise<void> {
    await this.#collect(list, validAttachments, signal, () => []);
  }

  /**
   * Whether the network can take ADDs: runs STATUS along the chain, up to the first plugin that says no. A list older than 1.1.0 is ready
   * without being asked. Throws what else goes wrong.
   */
  async status(list: NetworkConfigList, signal?: AbortSignal): Promise<NetworkStatus> {
    if (compareVersions(list.cniVersion, '1.1.0') < 0) return { condition: 'ready' };
    try {
      for (const plugin of list.plugins) await this.#plugins.call({ list, plugin, verb: 'STATUS' }, signal);
      return { condition: 'ready' };
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      if (error.cniCode === errorCodes.notAvailable) return { condition: 'unavailable', error };
      if (error.cniCode === errorCodes.limitedConnectivity) return { condition: 'limited-connectivity', error };
      throw error;
    }
  }

  /** The spec versions that a plugin answers (VERSION). */
  async versions(type: string, signal?: AbortSignal): Promise<string[]> {
    return this.#plugins.versions(type, signal);
  }

  /**
   * What ADD kept of an attachment; undefined where nothing is that can be read. DEL and CHECK run its list and its arguments, where the
   * configuration has changed since, or is gone.
   */
  async cached(network: string, attachment: AttachmentName): Promise<CachedAttachment | undefined> {
    checkAttachmentName(attachment);
    return this.#cache.find(network, attachment);
  }

  /** All attachments that are kept, of every network. */
  async cachedAttachments(): Promise<CachedAttachment[]> {
    return this.#cache.list();
  }

  async #addOnce(
    list: NetworkConfigList,
    attachment: Attachment,
    signal: AbortSignal | undefined,
    { mayBeAttached = false }: AddOptions,
  ): Promise<Result> {
    let printed: Record<string, unknown> | undefined;
    try {
      let result: Result = {};
      for (const plugin of list.plugins) {
        const call: PluginCall = { list, plugin, attachment, prevResult: printed, verb: 'ADD' };
        printed = await this.#plugins.callForResult(call, signal);
        result = readResult(
          printed,
          list.cniVersion,
          `result of ${describeCall({ plugin: plugin.type, network: list.name, verb: 'ADD' })}`,
        );
      }
      await this.#cache.write(list, attachment, printed ?? {});
      return result;
    } catch (thrown) {
      const isAnothers = mayBeAttached && printed === undefined && thrown instanceof CniError;
      if (!isAnothers) await this.#cleanUp(list, attachment);
      throw thrown;
    }
  }

  async #collect(
    list: NetworkConfigList,
    validAttachments: ValidAttachments,
    signal: AbortSignal = neverAborted,
    further: (valid: AttachmentName[]) => CancellableCall[],
  ): Promise<void> {
    await this.#locks.exclusive(list.name, signal, async () => {
      const valid = await validAttachments();
      const stale = (await this.#cache.list()).filter((cached) => cached.network === list.name && !includes(valid, cached.attachment));
      const dels = stale.map(
        (cached): CancellableCall =>
          (late) =>
            this.#delOnce(cached.list ?? list, detached(cached.attachment), late),
      );
      const failures: PluginError[] = [];
      for (const call of [...dels, ...further(valid)]) {
        if (signal.aborted)
          throw PluginError.from(signal.reason, 'CANCELLED', { object: `garbage collection of CNI network ${list.name}` });
        await withGrace(signal, collectionGraceMs, call).catch((thrown: unknown) => failures.push(PluginError.from(thrown)));
      }
      if (failures.length > 0) throw joined(failures, list);
    });
  }

  async #delOnce(list: NetworkConfigList, attachment: Attachment, signal?: AbortSignal): Promise<void> {
    const prevResult = compareVersions(list.cniVersion, '0.4.0') < 0 ? undefined : await this.#cache.read(list, attachment);
    for (const plugin of list.plugins.toReversed()) {
      await this.#plugins.call({ list, plugin, attachment, prevResult, verb: 'DEL' }, signal);
    }
    await this.#cache.remove(list.name, attachment);
  }

  /** What a failed ADD left is removed as far as it goes; the failure of the ADD is the one to tell. */
  async #cleanUp(list: NetworkConfigList, attachment: Attachment): Promise<void> {
    const signal = AbortSignal.timeout(cleanUpLimitMs);
    let complete = true;
    for (const plugin of list.plugins.toReversed()) {
      await this.#plugins.call({ list, plugin, attachment, verb: 'DEL' }, signal).catch(() => {
        complete = false;
      });
    }
    // That of an earlier ADD: what it tells of is gone.
    if (complete) await this.#cache.remove(list.name, attachment).catch(() => undefined);
  }
}

function includes(valid: AttachmentName[], { containerId, ifName }: AttachmentName): boolean {
  return valid.some((each) => each.containerId === containerId && each.ifName === ifName);
}

/** A namespace that is gone is told as an empty path: what stands at the old one may be a file of another kind. */
function detached(attachment: Attachment): Attachment {
  return { ...attachment, netns: isNamespaceFile(attachment.netns) ? attachment.netns : '' };
}

function joined(failures: PluginError[], { name }: NetworkConfigList): PluginError {
  const [first, ...rest] = failures;
  if (first && rest.length === 0) return first;
  const what = `garbage collection failed in ${failures.length} places: ${failures.map(({ message }) => message).join('; ')}`;
  return new PluginError(first?.code ?? 'INTERNAL', what, { object: `CNI network ${name}`, cause: new AggregateError(failures) });
}
