import { findPlugin } from './plugin-executable.ts';
import { runBeside } from './run-beside.ts';
import type { Verb } from './types.ts';
import { CniError, errorCodes, parseErrorObject, parseObject } from './types.ts';

/** One call of a delegated plugin (SPEC.md, "Execution of delegated plugins"). */
export interface DelegateCall {
  type: string;
  verb: Verb;
  env: Record<string, string | undefined>;
  /** The directories to look for the plugin in. */
  path: string[];
  /** The delegating plugin's own configuration, byte for byte. */
  stdin: string;
}

/** Runs a delegated plugin and returns what it printed, parsed; undefined where the verb prints nothing. */
export type Delegate = (call: DelegateCall) => Promise<unknown>;

const timeLimitMs = 60_000;
/** In MiB. */
const outputLimit = 16;

/** Executes the binary that `path` holds. Throws the error that it prints, with its code, under its own name. */
export const executeDelegate: Delegate = async ({ type, verb, env, path, stdin }) => {
  const object = `plugin ${type}, ${verb}`;
  const file = findPlugin(type, path);
  if (!file) {
    throw new CniError(errorCodes.invalidConfig, `no such executable in CNI_PATH (${path.join(':')})`, {
      object,
      hint: `install ${type} there`,
    });
  }
  const { error, status, signal, stdout, stderr } = await runBeside(file, [], { input: stdin, env, timeLimitMs, outputLimit });
  // As if the delegated plugin had written to the same standard error, which is how libcni's plugins have it.
  if (stderr !== '') process.stderr.write(stderr);
  if (error) throw new CniError(errorCodes.ioFailure, error.message, { object, cause: error });
  if (status === 0) return answerOf({ type, verb }, stdout);
  return answerOf({ type, verb }, stdout || stderr, signal ? `ended by ${signal}` : `exit status ${status}`);
};

/** What a delegated plugin printed, parsed; undefined where the verb prints nothing. `failed`: how it ended, where that was no success. */
export function answerOf({ type, verb }: Pick<DelegateCall, 'type' | 'verb'>, printed: string, failed?: string): unknown {
  const object = `plugin ${type}, ${verb}`;
  if (failed !== undefined) throw failure(object, printed, failed);
  if (verb !== 'ADD') return undefined;
  const value = parseObject(printed);
  if (value === undefined) throw new CniError(errorCodes.decodingFailure, `printed no result: ${printed.slice(0, 200)}`, { object });
  return value;
}

function failure(object: string, printed: string, ending: string): CniError {
  const error = parseErrorObject(printed);
  if (!error) return new CniError(errorCodes.internal, `${ending} and no error object: ${printed.slice(0, 200)}`, { object });
  return new CniError(error.code, error.msg, { object, details: error.details });
}
