import { PluginError } from '@berth/sdk/errors';

/** Most bytes of one argument or variable: MAX_ARG_STRLEN of Linux, without the NUL at its end. */
const longestText = 131_071;

/** Most bytes of all together: what Linux takes with its usual stack of 8 MiB (execve(2), a quarter of it). */
const longestCommand = 2 * 1024 * 1024;

/** Of a pointer: the kernel counts one for each argument and variable. */
const pointerBytes = 8;

/** Gives the bytes of a command; INVALID_ARGUMENT for one that no program can be executed by. */
export function checkCommand(cmd: string[], object: string): number {
  const refuse = (what: string): PluginError =>
    new PluginError('INVALID_ARGUMENT', what, { object, hint: 'give a program and its arguments' });
  if (!cmd[0]) throw refuse(cmd.length === 0 ? 'cmd is empty' : 'cmd has no program');
  if (cmd.some((argument) => argument.includes('\0'))) throw refuse('cmd has a NUL character in it');
  return checkSize([['cmd', cmd]], object);
}

/** INVALID_ARGUMENT for a container's process that Linux would not execute. `env` is of the form NAME=VALUE. */
export function checkProcessSize({ args, env }: { args: string[]; env: string[] }, object: string): void {
  checkSize(
    [
      ['command and args', args],
      ['envs', env],
    ],
    object,
  );
}

function checkSize(fields: [field: string, texts: string[]][], object: string): number {
  let [bytes, count] = [0, 0];
  for (const [field, texts] of fields) {
    for (const text of texts) {
      const length = Buffer.byteLength(text);
      if (length > longestText) throw tooLong(`${nameOf(field, text)} has ${length} bytes, more than the ${longestText} of Linux`, object);
      bytes += length + 1;
    }
    count += texts.length;
  }
  if (bytes + count * pointerBytes <= longestCommand) return bytes;
  const names = fields.map(([field]) => field).join(' and ');
  throw tooLong(
    `${names} have ${bytes} bytes in ${count} texts, more than Linux takes (${longestCommand}, ${pointerBytes} for each)`,
    object,
  );
}

function nameOf(field: string, text: string): string {
  return field === 'envs' ? `the variable ${JSON.stringify(text.split('=', 1)[0]?.slice(0, 100))}` : `an argument of ${field}`;
}

function tooLong(what: string, object: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object, hint: 'hand it over in a file' });
}
