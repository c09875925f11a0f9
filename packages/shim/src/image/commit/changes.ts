import { posix } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';

/** The `config` object of an image configuration, of which other fields stay as they are (image-spec config.md). */
export interface ChangeableConfig {
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Env?: string[] | null;
  Labels?: Record<string, string> | null;
  User?: string;
  WorkingDir?: string;
  StopSignal?: string;
}

type Change = (config: ChangeableConfig, value: string) => ChangeableConfig;

const changes: Record<string, Change> = {
  CMD: (config, value) => ({ ...config, Cmd: commandOf(value) }),
  ENTRYPOINT: (config, value) => ({ ...config, Entrypoint: commandOf(value) }),
  ENV: (config, value) => ({ ...config, Env: withVariables(config.Env ?? [], pairsOf(value)) }),
  LABEL: (config, value) => ({ ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairsOf(value)) } }),
  USER: (config, value) => ({ ...config, User: value }),
  WORKDIR: (config, value) => ({ ...config, WorkingDir: posix.resolve('/', config.WorkingDir ?? '', value) }),
  STOPSIGNAL: (config, value) => ({ ...config, StopSignal: value }),
};

/**
 * Applies instructions as a Dockerfile has them, `CMD ["serve"]` or `ENV A=1 B="x y"`, in their order. An ENTRYPOINT takes
 * the image's own Cmd away unless a CMD is given too. Throws INVALID_ARGUMENT for what is none of those that a commit takes.
 */
export function applyChanges(config: ChangeableConfig, instructions: string[]): ChangeableConfig {
  const parsed = instructions.map(parseInstruction);
  const has = (name: string) => parsed.some((instruction) => instruction.name === name);
  const start = has('ENTRYPOINT') && !has('CMD') ? { ...config, Cmd: null } : config;
  return parsed.reduce((changed, { name, value, text }) => {
    const change = changes[name];
    if (change) return change(changed, value);
    throw refused(text, `a commit takes ${Object.keys(changes).join(', ')}`);
  }, start);
}

function parseInstruction(text: string): { name: string; value: string; text: string } {
  const [, name = '', value = ''] = /^\s*(\S+)\s+([\s\S]*\S)\s*$/.exec(text) ?? [];
  if (name === '') throw refused(text, 'write an instruction and its value, such as: CMD ["serve"]');
  return { name: name.toUpperCase(), value, text };
}

/** A list of JSON strings is the command itself; anything else is a line for the shell. */
function commandOf(value: string): string[] {
  if (!value.startsWith('[')) return ['/bin/sh', '-c', value];
  try {
    const words: unknown = JSON.parse(value);
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  } catch {}
  throw refused(value, 'write the command as a list of JSON strings, or as a line for the shell');
}

const word = /(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g;

/** `A=1 B="x y"`, quotes and backslashes as in a Dockerfile, or the old form `A value with blanks`. */
function pairsOf(text: string): [string, string][] {
  if (text.replace(word, '').trim() !== '') throw refused(text, 'close the quotes');
  const words = text.match(word) ?? [];
  const [first = ''] = words;
  if (!first.includes('=') && words.length > 1) return [[first, text.slice(first.length).trim()]];
  return words.map((pair) => {
    const [, name = '', value = ''] = /^([^=]+)=([\s\S]*)$/.exec(pair) ?? [];
    if (name === '') throw refused(text, 'write NAME=VALUE');
    return [unquoted(name), unquoted(value)];
  });
}

function unquoted(text: string): string {
  return text.replace(/\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/g, (_, escaped, double, single) =>
    double === undefined ? (escaped ?? single) : double.replace(/\\(["\\$])/g, '$1'),
  );
}

/** One that is there already keeps its place. */
function withVariables(env: string[], pairs: [string, string][]): string[] {
  const variables = new Map(env.map((variable) => [variable.split('=', 1)[0] ?? '', variable]));
  for (const [name, value] of pairs) variables.set(name, `${name}=${value}`);
  return [...variables.values()];
}

function refused(text: string, hint: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', 'it is no change that can be made', { object: `change ${quoted(text)}`, hint });
}
