import { parseArgs } from 'node:util';
import { PluginError } from './errors.ts';

/** What a flag takes: nothing, a text, a number, or several with "," between them. */
export type FlagKind = 'boolean' | 'text' | 'number' | 'texts' | 'numbers';

export interface Flag {
  readonly kind: FlagKind;
  readonly help: string;
  /** What counts where it isn't given, as the help tells it. */
  readonly standard?: string | undefined;
}

/** By their names, without dashes. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** What a program's command line may have in it. */
export interface CommandLineDefinition<Table extends FlagTable = FlagTable> {
  /** How it is used and what it does, before the flags. */
  readonly heading: string;
  readonly flags: Table;
  /** Whether `--no-NAME` takes a boolean flag back. */
  readonly allowNegative?: boolean;
}

interface ValueOf {
  boolean: boolean;
  text: string;
  number: number;
  texts: string[];
  numbers: number[];
}

/** The flags that are given. */
export type FlagValues<Table extends FlagTable> = { -readonly [Name in keyof Table]?: ValueOf[Table[Name]['kind']] };

/** Those that ask for something in place of the program's work. */
export const informationFlags = {
  help: { kind: 'boolean', help: 'print this' },
  version: { kind: 'boolean', help: 'print the version' },
} as const satisfies FlagTable;

/** Which of those is given; values of other flags aren't looked at then. Throws INVALID_ARGUMENT for flags that there aren't. */
export function informationAskedFor(argv: readonly string[], definition: CommandLineDefinition): 'help' | 'version' | undefined {
  const { help, version } = givenTexts(argv, definition);
  if (help === true) return 'help';
  return version === true ? 'version' : undefined;
}

/** Reads a command line. Throws INVALID_ARGUMENT that names the flag. */
export function parseFlags<Table extends FlagTable>(argv: readonly string[], definition: CommandLineDefinition<Table>): FlagValues<Table> {
  const given = Object.entries(givenTexts(argv, definition));
  const values = given.map(([name, value]) => [name, readValue(value, definition.flags[name]?.kind ?? 'text', name)]);
  return Object.fromEntries(values) as FlagValues<Table>;
}

/** What `--help` prints. */
export function usageOf({ heading, flags }: CommandLineDefinition): string {
  const lines = Object.entries(flags).map(
    ([name, { kind, help, standard }]) => `  --${name}${words[kind]}\n      ${help}${standard ? ` (default ${standard})` : ''}\n`,
  );
  return `${heading}\n\n${lines.join('')}`;
}

/** What is wrong with a flag's value. */
export function invalidFlag(name: string, what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: `flag --${name}` });
}

const words: Readonly<Record<FlagKind, string>> = {
  boolean: '',
  text: ' TEXT',
  number: ' NUMBER',
  texts: ' TEXT,...',
  numbers: ' NUMBER,...',
};

function givenTexts(argv: readonly string[], { flags, allowNegative = false }: CommandLineDefinition): Record<string, string | boolean> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { kind }]) => [name, { type: kind === 'boolean' ? ('boolean' as const) : ('string' as const) }]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true, allowNegative, allowPositionals: false });
    return values as Record<string, string | boolean>;
  } catch (thrown) {
    // Node's own words name the flag.
    const [what = ''] = (thrown as Error).message.split('. ');
    throw new PluginError('INVALID_ARGUMENT', what, { object: 'command line', hint: '--help lists the flags' });
  }
}

function readValue(value: string | boolean, kind: FlagKind, name: string): unknown {
  if (typeof value === 'boolean' || kind === 'text') return value;
  const parts = value.split(',').map((part) => part.trim());
  if (kind === 'texts') return parts;
  const numbers = parts.map((part) => {
    if (/^\d+(\.\d+)?$/.test(part)) return Number(part);
    throw invalidFlag(name, `must be ${kind === 'number' ? 'a number' : 'numbers, "," between them'}`);
  });
  return kind === 'number' ? numbers[0] : numbers;
}
