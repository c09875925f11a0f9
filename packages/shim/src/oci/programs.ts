import { constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { exists } from '../files/exists.ts';
import { runProgram } from '../run-program.ts';

/** An executable and what it says of its version. */
export interface Program {
  path: string;
  name: string;
  version: string;
}

/** The absolute path of a program on PATH; `purpose` says in an error what it is needed for. */
export async function locate(program: string, purpose: string): Promise<string> {
  const candidates = isAbsolute(program)
    ? [program]
    : (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, program));
  for (const path of candidates) {
    if (await exists(path, constants.X_OK)) return path;
  }
  throw new PluginError(
    'FAILED_PRECONDITION',
    `${isAbsolute(program) ? 'there is no such program' : 'it is not on PATH'}, and it ${purpose}`,
    {
      object: program,
      hint: 'install it with your distribution\'s packages, or run "npm run setup" in a checkout',
    },
  );
}

/** Locates a program and asks for its version: `runc version 1.1.5+ds1`. */
export async function identify(program: string, purpose: string, signal: AbortSignal): Promise<Program> {
  const path = await locate(program, purpose);
  const said = await runProgram(path, ['--version'], { signal, timeoutMs: 10_000 });
  const [, name, version] = /^(\S+) version:? (\S+)/.exec(said) ?? [];
  if (name !== undefined && version !== undefined) return { path, name, version };
  throw new PluginError('FAILED_PRECONDITION', `"${path} --version" doesn't tell a version`, {
    object: program,
    hint: `check that this is the program that ${purpose}`,
  });
}
