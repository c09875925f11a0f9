import type { Argument, Command, Option } from 'commander';

/** What has been typed of a command line, as far as the word that is to be completed. */
export interface TypedLine {
  /** The innermost command that has been named. */
  command: Command;
  /** Positional arguments of `command` before the word. */
  positionals: string[];
  /** Values of options by attribute name, those of the outer commands too; the last one counts. */
  options: Record<string, string>;
  /** The word itself, so far. */
  word: string;
  /** What the word is: an option's name, the value of an option or argument, or a command's name. */
  place: { kind: 'option' } | { kind: 'value'; of: Option | Argument | undefined } | { kind: 'command' };
}

/** The words of a line up to the cursor, without their quotes; the last one is empty after a blank. */
export function words(line: string): string[] {
  const found = line.match(/(?:[^\s"'\\]|\\.|"[^"]*"?|'[^']*'?)+/g) ?? [];
  const plain = found.map((word) => word.replace(/\\(.)|["']/g, '$1'));
  return /(^|[^\\])(\s|^)$/.test(line) ? [...plain, ''] : plain;
}

/** Reads words that follow the program's name, as commander would. */
export function readTyped(program: Command, typed: string[]): TypedLine {
  const reader = new Reader(program);
  for (const word of typed.slice(0, -1)) reader.take(word);
  return reader.end(typed.at(-1) ?? '');
}

class Reader {
  readonly #positionals: string[] = [];
  readonly #options: Record<string, string> = {};
  #command: Command;
  /** The option whose value comes next, or may go on. */
  #open: Option | undefined;
  #onlyPositionals = false;

  constructor(program: Command) {
    this.#command = program;
  }

  take(word: string): void {
    if (this.#onlyPositionals) return void this.#positionals.push(word);
    if (word === '--') {
      this.#onlyPositionals = true;
      this.#open = undefined;
    } else if (isOption(word)) this.#takeOption(word);
    else if (this.#open) this.#takeValue(this.#open, word);
    else this.#takePositional(word);
  }

  end(word: string): TypedLine {
    return { command: this.#command, positionals: this.#positionals, options: this.#options, word, place: this.#place(word) };
  }

  #place(word: string): TypedLine['place'] {
    if (!this.#onlyPositionals && word.startsWith('-')) return { kind: 'option' };
    if (this.#open) return { kind: 'value', of: this.#open };
    if (this.#command.commands.length > 0 && this.#positionals.length === 0) return { kind: 'command' };
    const all = this.#command.registeredArguments;
    const last = all.at(-1);
    return { kind: 'value', of: all[this.#positionals.length] ?? (last?.variadic ? last : undefined) };
  }

  #takeOption(word: string): void {
    const [name = word, value] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
    const option = optionsOf(this.#command).find((candidate) => candidate.long === name || candidate.short === name);
    this.#open = undefined;
    if (!option?.required && !option?.optional) return;
    if (value === undefined) this.#open = option;
    else this.#options[option.attributeName()] = value;
  }

  #takeValue(option: Option, word: string): void {
    this.#options[option.attributeName()] = word;
    if (!option.variadic) this.#open = undefined;
  }

  #takePositional(word: string): void {
    const named = this.#command.commands.find((command) => command.name() === word || command.aliases().includes(word));
    if (named && this.#positionals.length === 0) this.#command = named;
    else this.#positionals.push(word);
  }
}

/** The options of a command and of those that it belongs to, without hidden ones. */
export function optionsOf(command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command.parent ? [...own, ...optionsOf(command.parent).filter(({ long }) => !own.some((option) => option.long === long))] : own;
}

function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}
