import { readFileSync, writeFileSync } from 'node:fs';
import { PluginError } from '../errors.ts';
import type { Delegate } from './delegate.ts';
import { executeDelegate } from './delegate.ts';
import { wrongNamespace } from './network-namespace.ts';
import { printConsoleOnStderr } from './printing.ts';
import type { Request } from './request.ts';
import { everyAttachment, readConfig, readRequest, readVerb, versionOf } from './request.ts';
import type { PluginConfig, Result, Verb } from './types.ts';
import { CniError, errorCodes, errorObject, isPluginName } from './types.ts';
import { defaultVersion, readResult, supportedVersions, writeResult } from './versions.ts';

export type { AttachmentName } from './attachment.ts';
export type { Request } from './request.ts';

/** What a handler is given: the checked request, and the way to the plugin that it delegates to. */
export interface PluginRequest<Config extends PluginConfig = PluginConfig> extends Request<Config> {
  /**
   * Runs another plugin, IPAM as a rule, with the same environment and configuration, or with `config` in its place. A failed ADD is followed
   * by a DEL.
   */
  delegate(type: string, config?: object): DelegatedPlugin;
  /** Other calls go on in this process: it must wait for none of what it does but beside them. */
  served: boolean;
}

export interface DelegatedPlugin {
  /** What the DEL after a failed `add()` failed with; undefined where it succeeded: nothing is left then. */
  readonly undoFailure: unknown;
  add(): Promise<Result>;
  del(): Promise<void>;
  check(): Promise<void>;
  gc(): Promise<void>;
  status(): Promise<void>;
}

type Handler<Config extends PluginConfig, Answer> = (request: PluginRequest<Config>) => Answer | Promise<Answer>;

/**
 * What a plugin does. A handler fails by throwing: a CniError keeps its code, a PluginError gets the nearest one,
 * anything else is 999. CHECK, GC and STATUS may be left out: they succeed then.
 */
export interface PluginDefinition<Config extends PluginConfig = PluginConfig> {
  /** Names the plugin in messages. */
  name?: string;
  /** Makes the attachment. Returns the result in the shape of 1.1.0; the skeleton writes it in the version asked for. */
  add: Handler<Config, Result>;
  /** Removes the attachment. Succeeds where it is gone already, wholly or in part. */
  del: Handler<Config, void>;
  check?: Handler<Config, void>;
  gc?: Handler<Config, void>;
  status?: Handler<Config, void>;
  /** The spec versions that the plugin answers; all supported ones by default. */
  versions?: string[];
}

/** A plugin that `run` can execute. */
export interface CniPlugin {
  readonly name: string | undefined;
  readonly versions: string[];
  handle(request: PluginRequest): Promise<Result | undefined>;
}

/** The environment, stdin and stdout of one execution. Tests give their own, so that they start no process. */
export interface PluginIo {
  env: Record<string, string | undefined>;
  readStdin(): string;
  writeStdout(text: string): void;
  /** Runs a delegated plugin; by default executes the binary that CNI_PATH holds. */
  delegate?: Delegate;
  /** Whether the process answers other calls meanwhile; not by default. */
  served?: boolean;
  /** What VERSION's answer says besides. */
  versionKeys?: Record<string, string>;
  /**
   * Has `report` called with what is thrown outside of every handler (by a timer, say), or when nothing is left to do and the handler hasn't
   * ended. The process is to end after that. Gives back how to stop that.
   */
  onPanic?(report: (thrown: unknown) => void): () => void;
}

const verbs = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const satisfies Verb[];

/** Makes a plugin of its handlers. `run` executes it. */
export function cniPlugin<Config extends PluginConfig = PluginConfig>(definition: PluginDefinition<Config>): CniPlugin {
  return {
    name: definition.name,
    versions: definition.versions ?? supportedVersions,
    async handle(request) {
      // A plugin checks the keys of its own configuration; the skeleton has checked what all share.
      const typed = request as PluginRequest<Config>;
      if (request.verb === 'ADD') return definition.add(typed);
      const handlers = { DEL: definition.del, CHECK: definition.check, GC: definition.gc, STATUS: definition.status, VERSION: undefined };
      await handlers[request.verb]?.(typed);
      return undefined;
    },
  };
}

/**
 * Executes one call of `plugin`, as the spec's execution protocol says, and returns the exit status. All that a caller
 * sees goes to stdout: the result, the versions or the error object.
 */
export async function run(plugin: CniPlugin, io: PluginIo = processIo()): Promise<number> {
  let version = defaultVersion;
  const calm = io.onPanic?.((thrown) => print(io, errorObject(thrown, version)));
  try {
    const verb = readVerb(io.env, verbs);
    const stdin = io.readStdin();
    if (verb === 'VERSION') {
      print(io, { cniVersion: answerVersion(stdin, plugin), supportedVersions: plugin.versions, ...io.versionKeys });
      return 0;
    }
    const config = readConfig(stdin);
    version = versionOf(config);
    const request = readRequest(verb, io.env, config, plugin.versions);
    const wrong = everyAttachment.includes(verb) ? wrongNamespace(request.netns, io.env) : undefined;
    if (wrong && verb !== 'DEL') throw wrong;
    const result = await plugin.handle({
      ...request,
      // The number of the container's process may be another's by now: what isn't in the namespace goes all the same.
      ...(wrong ? { netns: '' } : {}),
      delegate: (type, other) => delegated(type, request, other === undefined ? stdin : JSON.stringify(other), io),
      served: io.served ?? false,
    });
    if (wrong) throw wrong;
    if (verb === 'ADD') print(io, writeResult(result ?? {}, version));
    return 0;
  } catch (thrown) {
    print(io, errorObject(thrown, version));
    return 1;
  } finally {
    calm?.();
  }
}

/** Executes one call of `plugin` in this process, which goes on: its exit status, and what it printed. */
export async function runWithin(
  plugin: CniPlugin,
  { stdin, ...io }: Pick<PluginIo, 'env' | 'delegate' | 'served'> & { stdin: string },
): Promise<{ status: number; stdout: string }> {
  let stdout = '';
  const writeStdout = (text: string): void => {
    stdout += text;
  };
  const status = await run(plugin, { ...io, readStdin: () => stdin, writeStdout });
  return { status, stdout };
}

/** VERSION answers in the version that it is asked in, and in the newest where it is asked in none. */
function answerVersion(stdin: string, plugin: CniPlugin): string {
  const newest = plugin.versions.at(-1) ?? defaultVersion;
  if (stdin.trim() === '') return newest;
  const config = readConfig(stdin);
  return config.cniVersion === undefined ? newest : versionOf(config);
}

function delegated(type: string, request: Request, stdin: string, io: PluginIo): DelegatedPlugin {
  if (!isPluginName(type)) {
    throw new CniError(errorCodes.invalidConfig, `${JSON.stringify(type)} is no plugin name`, {
      object: 'ipam.type',
      hint: 'name one, like host-local',
    });
  }
  const call = (verb: Verb) =>
    (io.delegate ?? executeDelegate)({ type, verb, env: { ...io.env, CNI_COMMAND: verb }, path: request.path, stdin });
  let undoFailure: unknown;
  return {
    get undoFailure() {
      return undoFailure;
    },
    async add() {
      try {
        return readResult(await call('ADD'), request.cniVersion, `result of plugin ${type}`);
      } catch (thrown) {
        // The first failure is the one to tell; what the DEL says adds nothing to it.
        undoFailure = await call('DEL').then(
          () => undefined,
          (failure: unknown) => failure,
        );
        throw thrown;
      }
    },
    del: async () => void (await call('DEL')),
    check: async () => void (await call('CHECK')),
    gc: async () => void (await call('GC')),
    status: async () => void (await call('STATUS')),
  };
}

function print(io: PluginIo, value: object): void {
  io.writeStdout(JSON.stringify(value));
}

/**
 * The process's own streams, of which standard output is left to the result: `console.log` goes to standard error. Descriptors are used as they
 * are: opening `process.stdout` costs a Bun executable 7 ms, and writeSync more than 1.
 */
export function processIo(): PluginIo {
  printConsoleOnStderr();
  return {
    env: process.env,
    readStdin: () => readFileSync(0, 'utf8'),
    writeStdout: (text) => writeFileSync(1, text),
    onPanic,
  };
}

function onPanic(report: (thrown: unknown) => void): () => void {
  const panic = (thrown: unknown): void => {
    report(thrown);
    process.exit(1);
  };
  const idle = (): void => panic(new PluginError('INTERNAL', 'ended without an answer: its handler waits for what never comes'));
  process.once('uncaughtException', panic).once('beforeExit', idle);
  return () => void process.off('uncaughtException', panic).off('beforeExit', idle);
}
