import type { Flag, FlagKind } from '@berth/sdk/command-line';
import { type SettingSchema, settingSchemas } from './configuration.ts';

/** Each setting is a flag, too: `--device-list-strategy` is `deviceListStrategy`. One that holds a table is in the file only. */
export const settingFlags: Readonly<Record<string, Flag>> = Object.fromEntries(
  Object.entries(settingSchemas).flatMap(([setting, schema]) => {
    const kind = kindOf(schema);
    return kind === undefined ? [] : [[flagNameOf(setting), { kind, help: helpOf(schema), standard: standardOf(schema) }]];
  }),
);

/** What a setting is called as a flag. */
export function flagNameOf(setting: string): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Undefined where a flag can't hold it. */
function kindOf({ type, items }: SettingSchema): FlagKind | undefined {
  if (type === 'boolean') return 'boolean';
  if (type === 'array') return isNumber(items) ? 'numbers' : 'texts';
  if (type === 'string') return 'text';
  return isNumber({ type }) ? 'number' : undefined;
}

function isNumber(schema: SettingSchema | undefined): boolean {
  return schema?.type === 'number' || schema?.type === 'integer';
}

function helpOf({ description = '', enum: choices, items }: SettingSchema): string {
  const among = choices ?? items?.enum;
  return among === undefined ? description : `${description}: ${among.join(', ')}`;
}

/** Nothing is told of a boolean flag that has to be given to count. */
function standardOf({ default: value, otherwise }: SettingSchema): string | undefined {
  return value === undefined || value === false ? otherwise : String(value);
}
