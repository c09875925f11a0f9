import { realpathSync } from 'node:fs';
import type { Delegate } from './delegate.ts';
import { answerOf, executeDelegate, findExecutable } from './delegate.ts';
import type { CniPlugin } from './plugin.ts';
import { runWithin } from './plugin.ts';

/**
 * For a program that is several plugins, by the name that it is executed under: where the delegated plugin that CNI_PATH holds is this very
 * program, its code is called without another execution, which would take longer than all else that it does.
 */
export function delegateWithin(plugins: Record<string, CniPlugin>, program = process.execPath): Delegate {
  return async (call) => {
    const file = findExecutable(call.type, call.path);
    const plugin = plugins[call.type];
    if (file === undefined || plugin === undefined || realpathSync(file) !== realpathSync(program)) return executeDelegate(call);
    const { status, stdout } = await runWithin(plugin, { env: call.env, stdin: call.stdin });
    return answerOf(call, stdout, status === 0 ? undefined : `exit status ${status}`);
  };
}
