import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '../errors.ts';
import type { Attachment } from './attachment.ts';
import type { ExecutePlugin, Execution } from './execution.ts';
import { describeCall, execute } from './execution.ts';
import { ResultCache } from './result-cache.ts';
import type { NetworkConfigList, PluginConfig, Result, Verb } from './types.ts';
import { CniError, parseErrorObject, parseObject } from './types.ts';
import { compareVersions, readResult } from './versions.ts';

export type { Attachment } from './attachment.ts';
export type { Execution } from './execution.ts';

export interface CniRunnerOptions {
  /** The directories that plugins are looked for in, in order (CNI_PATH). */
  pluginDirs: string[];
  /** Where results are kept for DEL; libcni's own directory by default. */
  cacheDir?: string;
  /** How long one execution of one plugin may take. */
  timeLimitMs?: number;
  /** Sees each execution once it has ended, the failed ones too. */
  observe?: (execution: Execution) => void;
  /** How a plugin is run. Default: by executing it. */
  execute?: ExecutePlugin;
}

/** How long the DELs that clean up after a failed ADD may take all together. Short: its caller waits for the failure of the ADD. */
export const cleanUpLimitMs = 10_000;

/**
 * Runs chains of CNI plugins, as a runtime does (SPEC.md, "Execution of network configurations"). Every failure is one
 * PluginError that names the plugin, the network, the verb and what the plugin said; one that the plugin itself reported
 * is a CniError with the plugin's code ("try again later" is UNAVAILABLE).
 */
export class CniRunner {
  readonly #pluginDirs: string[];
  readonly #cache: ResultCache;
  readonly #timeLimitMs: number;
  readonly #observe: (execution: Execution) => void;
  readonly #execute: ExecutePlugin;

  constructor({
    pluginDirs,
    cacheDir = '/var/lib/cni',
    timeLimitMs = 60_000,
    observe = () => undefined,
    execute: run = execute,
  }: CniRunnerOptions) {
    this.#pluginDirs = pluginDirs;
    this.#cache = new ResultCache(cacheDir);
    this.#timeLimitMs = timeLimitMs;
    this.#observe = observe;
    this.#execute = run;
  }

  /**
   * Attaches a container: runs ADD along the chain and keeps the last result. After a failure it runs DEL for the whole
   * chain. Returns the result in the shape of 1.1.0.
   */
  async add(list: NetworkConfigList, attachment: Attachment, signal?: AbortSignal): Promise<Result> {
    try {
      let printed: Record<string, unknown> | undefined;
      let result: Result = {};
      for (const plugin of list.plugins) {
        const call: Call = { list, plugin, attachment, verb: 'ADD' };
        printed = await this.#addOne(call, printed, signal);
        result = readResult(printed, list.cniVersion, `result of ${describe(call)}`);
      }
      await this.#cache.write(list, attachment, printed ?? {});
      return result;
    } catch (thrown) {
      await this.#cleanUp(list, attachment);
      throw thrown;
    }
  }

  /**
   * Detaches a container: runs DEL along the chain in reverse order, with the kept result, and forgets that. Succeeds
   * where there is nothing left to remove; stops at the first plugin that fails, so that it can be called again.
   */
  async del(list: NetworkConfigList, attachment: Attachment, signal?: AbortSignal): Promise<void> {
    const prevResult = await this.#cachedResult(list, attachment);
    for (const plugin of list.plugins.toReversed()) {
      await this.#run({ list, plugin, attachment, verb: 'DEL' }, prevResult, signal);
    }
    await this.#cache.remove(list, attachment);
  }

  async #addOne(call: Call, prevResult: Record<string, unknown> | undefined, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const { stdout } = await this.#run(call, prevResult, signal);
    const printed = parseObject(stdout);
    if (printed) return printed;
    const what = stdout.trim() === '' ? 'succeeded but printed no result' : `printed something that is no result: ${excerpt(stdout)}`;
    throw new PluginError('INTERNAL', what, { object: describe(call) });
  }

  /** The spec asks for a result on DEL since 0.4.0. */
  async #cachedResult(list: NetworkConfigList, attachment: Attachment): Promise<Record<string, unknown> | undefined> {
    return compareVersions(list.cniVersion, '0.4.0') < 0 ? undefined : this.#cache.read(list, attachment);
  }

  /** What a failed ADD left is removed as far as it goes; the failure of the ADD is the one to tell. */
  async #cleanUp(list: NetworkConfigList, attachment: Attachment): Promise<void> {
    const signal = AbortSignal.timeout(cleanUpLimitMs);
    for (const plugin of list.plugins.toReversed()) {
      await this.#run({ list, plugin, attachment, verb: 'DEL' }, undefined, signal).catch(() => undefined);
    }
  }

  async #run(call: Call, prevResult: Record<string, unknown> | undefined, signal?: AbortSignal): Promise<Execution> {
    const { list, plugin, attachment, verb } = call;
    const { containerId, ifName } = attachment;
    const input = {
      plugin: plugin.type,
      file: await this.#find(call),
      network: list.name,
      verb,
      containerId,
      ifName,
      env: environment(verb, attachment, this.#pluginDirs),
      stdin: JSON.stringify(requestConfig(list, plugin, attachment, prevResult)),
    };
    const execution = await this.#execute(input, { timeLimitMs: this.#timeLimitMs, signal });
    const error = execution.error ?? failureOf(execution);
    this.#observe(error ? { ...execution, error } : execution);
    if (error) throw error;
    return execution;
  }

  async #find(call: Call): Promise<string> {
    const unusable: string[] = [];
    for (const file of this.#pluginDirs.map((directory) => join(directory, call.plugin.type))) {
      const found = await stat(file).catch(() => undefined);
      if (!found) continue;
      const executable =
        found.isFile() &&
        (await access(file, constants.X_OK).then(
          () => true,
          () => false,
        ));
      if (executable) return file;
      unusable.push(`${file} is not an executable file`);
    }
    const what =
      unusable.length > 0
        ? unusable.join(', ')
        : `no such executable in ${this.#pluginDirs.join(', ') || 'any directory (none is configured)'}`;
    throw new PluginError('NOT_FOUND', what, { object: describe(call), hint: `install ${call.plugin.type} there` });
  }
}

interface Call {
  list: NetworkConfigList;
  plugin: PluginConfig;
  attachment: Attachment;
  verb: Verb;
}

function describe({ list, plugin, verb }: Call): string {
  return describeCall({ plugin: plugin.type, network: list.name, verb });
}

function environment(verb: Verb, { containerId, netns, ifName, args = [] }: Attachment, pluginDirs: string[]): Record<string, string> {
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifName,
    CNI_ARGS: args.map(([key, value]) => `${key}=${value}`).join(';'),
    CNI_PATH: pluginDirs.join(':'),
  };
}

/** A plugin's stdin (SPEC.md, "Deriving request configuration from plugin configuration"). */
function requestConfig(
  list: NetworkConfigList,
  plugin: PluginConfig,
  { capabilityArgs = {} }: Attachment,
  prevResult: unknown,
): PluginConfig {
  const { capabilities = {}, ...config } = plugin;
  const runtimeConfig = Object.fromEntries(Object.entries(capabilityArgs).filter(([capability]) => capabilities[capability] === true));
  return {
    ...config,
    cniVersion: list.cniVersion,
    name: list.name,
    ...(Object.keys(runtimeConfig).length > 0 ? { runtimeConfig } : {}),
    ...(prevResult === undefined ? {} : { prevResult }),
  };
}

function failureOf(execution: Execution): PluginError | undefined {
  const { exitCode, signal, stdout, stderr } = execution;
  if (exitCode === 0) return undefined;
  const object = describeCall(execution);
  const error = parseErrorObject(stdout);
  if (error)
    return new CniError(error.code, `${error.msg}${error.details ? ` (${error.details})` : ''} (code ${error.code})`, {
      object,
      details: error.details,
    });
  const ending = signal ? `was killed by ${signal}` : `exit status ${exitCode}`;
  const printed = excerpt(stdout || stderr);
  return new PluginError('INTERNAL', `${ending} and no error object${printed ? `: ${printed}` : ', and nothing printed'}`, { object });
}

/** The first 200 characters, on one line. */
function excerpt(text: string): string {
  return text.trim().slice(0, 200).replace(/\s+/g, ' ');
}
