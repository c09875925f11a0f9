import { PluginError, type PluginErrorOptions } from './errors.ts';

const wordings: Record<string, { what: string; hint: string }> = {
  ENOENT: { what: 'there is no such file or directory', hint: 'make it, or correct the path' },
  ENOTDIR: { what: 'it, or a part of its path, is no directory', hint: 'correct the path' },
  EISDIR: { what: 'it is a directory', hint: 'name a file' },
  EACCES: { what: 'no permission to read it', hint: 'let the user that runs this read it' },
  EPERM: { what: 'no permission to read it', hint: 'let the user that runs this read it' },
  ELOOP: { what: 'its symbolic links lead back to themselves', hint: 'correct the links' },
};

/** Why a file or directory couldn't be read, in words in place of the system call's name; `hint` in place of the usual one. */
export function unreadable(thrown: unknown, { object, hint }: PluginErrorOptions): PluginError {
  const from = PluginError.from(thrown, 'INVALID_ARGUMENT', { object, hint });
  const known = wordings[(thrown as NodeJS.ErrnoException | undefined)?.code ?? ''];
  return known && from !== thrown ? new PluginError(from.code, known.what, { object, hint: hint ?? known.hint, cause: thrown }) : from;
}
