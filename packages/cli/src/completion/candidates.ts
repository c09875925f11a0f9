import { Argument, type Command, type Option } from 'commander';
import { optionsOf, type TypedLine } from './typed-line.ts';

export interface Candidate {
  name: string;
  description?: string;
}

/** Gives the values that a placeholder, the `handler` of `--runtime <handler>`, may have for what has been typed so far. */
export type ValuesOf = (placeholder: string, line: TypedLine) => Promise<string[]>;

const filePlaceholders = ['file', 'directory', 'archive'];

/** What the word that is being typed may become; `files` leaves that to the shell. */
export async function candidates(line: TypedLine, valuesOf: ValuesOf): Promise<Candidate[] | 'files'> {
  const { command, place, word } = line;
  if (place.kind === 'option') return optionsOf(command).flatMap(optionCandidate).filter(startsWith(word));
  if (place.kind === 'command') return commandCandidates(command).filter(startsWith(word));
  if (!place.of) return [];
  const placeholder = placeholderOf(place.of);
  if (filePlaceholders.includes(placeholder)) return 'files';
  const values = place.of.argChoices ?? (await valuesOf(placeholder, line));
  return values.map((name) => ({ name })).filter(startsWith(word));
}

/** Options are offered by their long name, which says what they do. */
function optionCandidate({ long, short, description }: Option): Candidate[] {
  const name = long ?? short;
  return name === undefined ? [] : [{ name, description }];
}

function commandCandidates(command: Command): Candidate[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.map((each) => ({ name: each.name(), description: each.description() }));
}

function placeholderOf(of: Option | Argument): string {
  if (of instanceof Argument) return of.name();
  return /[<[]([^\]>.]+)/.exec(of.flags)?.[1] ?? '';
}

function startsWith(word: string): (candidate: Candidate) => boolean {
  return ({ name }) => name.startsWith(word);
}
