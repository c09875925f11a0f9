import { readFileSync } from 'node:fs';
import { readDocument } from '@berth/api/read-document';
import { PluginError } from './errors.ts';
import { unreadable } from './unreadable.ts';

/** What zod says of a value that isn't in the shape of a schema. */
export interface SettingsIssue {
  path: readonly PropertyKey[];
  message: string;
  /** Of a map, those that the schema doesn't know. */
  keys?: readonly string[];
}

/** A schema of zod, as far as it is used here. */
export interface SettingsSchema<Settings> {
  safeParse(value: unknown): { success: true; data: Settings } | { success: false; error: { issues: readonly SettingsIssue[] } };
}

/** Reads a plugin's file of settings, YAML or JSON; an empty one is `{}`. INVALID_ARGUMENT names file, line and field. */
export function readSettingsFile<Settings>(file: string, schema: SettingsSchema<Settings>): Settings {
  const read = readDocument(textOf(file));
  if ('problem' in read) throw new PluginError('INVALID_ARGUMENT', read.problem, { object: `${file}:${read.position.line}` });
  return checkedSettings(read.value ?? {}, schema, (field) => `${file}:${read.locate(field).line}: ${field || 'the document'}`);
}

/** The value in the shape of the schema. INVALID_ARGUMENT with the first thing that is wrong; `name` tells what a field is called where it was given. */
export function checkedSettings<Settings>(value: unknown, schema: SettingsSchema<Settings>, name: (field: string) => string): Settings {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [{ path, message, keys: [unknown] = [] } = { path: [], message: 'is wrong' }] = result.error.issues;
  if (unknown === undefined) throw new PluginError('INVALID_ARGUMENT', message, { object: name(fieldOf(path)) });
  throw new PluginError('INVALID_ARGUMENT', 'there is no such setting', {
    object: name(fieldOf([...path, unknown])),
    hint: 'remove it, or mend its name',
  });
}

/** `resources[0].name`; what isn't a plain name stands in brackets, dots and all. */
function fieldOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === 'string' && /^[\w-]+$/.test(part) ? `.${part}` : `[${String(part)}]`));
  return parts.join('').replace(/^\./, '');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw unreadable(thrown, { object: `settings ${file}` });
  }
}
