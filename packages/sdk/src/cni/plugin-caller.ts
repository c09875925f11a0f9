import { setTimeout } from 'node:timers/promises';
import { PluginError } from '../errors.ts';
import type { Attachment, AttachmentName } from './attachment.ts';
import type { ExecutePlugin, Execution, ExecutionInput } from './execution.ts';
import { describeCall } from './execution.ts';
import { pluginExecutable } from './plugin-executable.ts';
import { requestConfig, requestEnvironment } from './request-config.ts';
import type { NetworkConfigList, PluginConfig, Verb } from './types.ts';
import { CniError, parseErrorObject, parseObject } from './types.ts';
import { supportedVersions } from './versions.ts';

/** One call of one plugin of a chain. */
export interface PluginCall {
  list: NetworkConfigList;
  plugin: PluginConfig;
  verb: Verb;
  /** With ADD, DEL and CHECK. */
  attachment?: Attachment;
  prevResult?: Record<string, unknown> | undefined;
  /** With GC. */
  validAttachments?: AttachmentName[];
}

interface PluginCallerOptions {
  pluginDirs: string[];
  timeLimitMs: number;
  observe: (execution: Execution) => void;
  execute: ExecutePlugin;
}

/** A file that somebody is just writing can't be executed (ETXTBSY); libcni waits as long for the installation of plugins. */
const busyPauseMs = 1000;
const busyAttempts = 5;

/** Calls plugins, one at a time: finds the executable, makes its environment and stdin, and reads what it says of a failure. */
export class PluginCaller {
  readonly #options: PluginCallerOptions;

  constructor(options: PluginCallerOptions) {
    this.#options = options;
  }

  async call(call: PluginCall, signal?: AbortSignal): Promise<Execution> {
    const { list, plugin, verb, attachment, ...additions } = call;
    const stdin = requestConfig(list, plugin, { ...additions, capabilityArgs: attachment?.capabilityArgs });
    return this.#run({ plugin: plugin.type, network: list.name, verb, attachment, stdin: JSON.stringify(stdin) }, signal);
  }

  /** As `call`, and the object that it printed. One that doesn't say its version is taken for the list's, as libcni does. */
  async callForResult(call: PluginCall, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const execution = await this.call(call, signal);
    const { stdout } = execution;
    const printed = parseObject(stdout);
    if (printed) return printed.cniVersion ? printed : { ...printed, cniVersion: call.list.cniVersion };
    const what = stdout.trim() === '' ? 'succeeded but printed no result' : `printed something that is no result: ${excerpt(stdout)}`;
    throw new PluginError('INTERNAL', what, { object: describeCall(execution) });
  }

  /** The versions that a plugin says it answers; those before VERSION was there answer 0.1.0 only. */
  async versions(type: string, signal?: AbortSignal): Promise<string[]> {
    const stdin = JSON.stringify({ cniVersion: supportedVersions.at(-1) });
    try {
      const execution = await this.#run({ plugin: type, network: '', verb: 'VERSION', stdin }, signal);
      const versions = parseObject(execution.stdout)?.supportedVersions;
      if (Array.isArray(versions) && versions.every((version) => typeof version === 'string')) return versions;
      throw new PluginError('INTERNAL', `told no supportedVersions: ${excerpt(execution.stdout)}`, { object: describeCall(execution) });
    } catch (error) {
      if (error instanceof CniError && /unknown CNI_COMMAND/.test(error.message)) return ['0.1.0'];
      throw error;
    }
  }

  async #run(
    call: Pick<ExecutionInput, 'plugin' | 'network' | 'verb' | 'stdin'> & { attachment?: Attachment | undefined },
    signal?: AbortSignal,
  ): Promise<Execution> {
    const { attachment, ...rest } = call;
    const { pluginDirs, observe } = this.#options;
    const input: ExecutionInput = {
      ...rest,
      file: await pluginExecutable(call.plugin, pluginDirs, describeCall(call)),
      containerId: attachment?.containerId ?? '',
      ifName: attachment?.ifName ?? '',
      env: requestEnvironment(call.verb, pluginDirs, attachment),
    };
    const execution = await this.#executeUnlessBusy(input, signal);
    const error = execution.error ?? failureOf(execution);
    observe(error ? { ...execution, error } : execution);
    if (error) throw error;
    return execution;
  }

  async #executeUnlessBusy(input: ExecutionInput, signal: AbortSignal | undefined): Promise<Execution> {
    const { execute, timeLimitMs } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const execution = await execute(input, { timeLimitMs, signal });
      if (attempt > busyAttempts || !isBusy(execution.error)) return execution;
      await setTimeout(busyPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

function isBusy(error: PluginError | undefined): boolean {
  return (error?.cause as NodeJS.ErrnoException | undefined)?.code === 'ETXTBSY';
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
