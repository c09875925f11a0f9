import { realpathSync } from 'node:fs';
import type { Delegate } from './delegate.ts';
import { answerOf, executeDelegate } from './delegate.ts';
import type { CniPlugin } from './plugin.ts';
import { runWithin } from './plugin.ts';
import { findPlugin } from './plugin-executable.ts';

/** The plugins of one program, by the names that they are executed under. Each is loaded on need: an execution would wait for the others, too. */
export type PluginLoaders = Record<string, () => Promise<CniPlugin>>;

interface DelegateWithinOptions {
  /** The program's executable. */
  program?: string;
  /** Whether the process answers other calls meanwhile. */
  served?: boolean;
}

/**
 * For a program that is several plugins, by the name that it is executed under: where the delegated plugin that CNI_PATH holds is this very
 * program, its code is called without another execution, which would take longer than all else that it does.
 */
export function delegateWithin(
  plugins: PluginLoaders,
  { program = process.execPath, served = false }: DelegateWithinOptions = {},
): Delegate {
  const delegate: Delegate = async (call) => {
    const file = findPlugin(call.type, call.path);
    const load = plugins[call.type];
    if (file === undefined || load === undefined || realpathSync(file) !== realpathSync(program)) return executeDelegate(call);
    const { status, stdout } = await runWithin(await load(), { env: call.env, stdin: call.stdin, delegate, served });
    return answerOf(call, stdout, status === 0 ? undefined : `exit status ${status}`);
  };
  return delegate;
}
