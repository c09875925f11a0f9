import { PluginError } from '@berth/sdk/errors';

/** Most bytes of one argument: MAX_ARG_STRLEN of Linux, with the NUL at its end. */
const longestArgument = 131_071;

/** Most bytes of all arguments together: what Linux takes with its usual stack of 8 MiB (execve(2), a quarter of it). */
const longestCommand = 2 * 1024 * 1024;

/** Gives the bytes of a command; INVALID_ARGUMENT for one that no program can be executed by. */
export function checkCommand(cmd: string[], object: string): number {
  const refuse = (what: string): PluginError =>
    new PluginError('INVALID_ARGUMENT', what, { object, hint: 'give a program and its arguments' });
  if (!cmd[0]) throw refuse(cmd.length === 0 ? 'cmd is empty' : 'cmd has no program');
  let bytes = 0;
  for (const argument of cmd) {
    const length = Buffer.byteLength(argument);
    if (length > longestArgument) throw refuse(`an argument of cmd has ${length} bytes, more than the ${longestArgument} of Linux`);
    if (argument.includes('\0')) throw refuse('cmd has a NUL character in it');
    bytes += length + 1;
  }
  if (bytes > longestCommand) throw refuse(`cmd has ${bytes} bytes, more than ${longestCommand}`);
  return bytes;
}
