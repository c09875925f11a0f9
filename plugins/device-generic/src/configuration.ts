import { isExtendedResourceName } from '@berth/api/resource-names';
import { devicePluginPath } from '@berth/sdk/device/constants';
import { readSettingsFile } from '@berth/sdk/settings-file';
import { z } from 'zod';

const absolute = z.string().startsWith('/', 'must be an absolute path');
const pattern = absolute.refine((path) => !path.split('/').includes('..'), 'must not have .. in it');
const patterns = z.array(pattern).min(1);

const group = z.strictObject({
  id: z.string().regex(/^[\w.-]{1,50}$/, 'must be 1 to 50 letters, digits, "-", "_" and "."'),
  patterns,
});

const resource = z
  .strictObject({
    name: z.string().refine(isExtendedResourceName, 'must be the name of an extended resource: vendor.example/name'),
    patterns: z.array(pattern).default([]),
    exclude: z.array(pattern).default([]),
    groups: z.array(group).default([]),
    permissions: z
      .string()
      .regex(/^(?!.*(.).*\1)[rwm]{1,3}$/, 'must be of r, w and m, each once')
      .default('rw'),
    replicas: z.int().min(1).max(1000).default(1),
    containerPath: pattern
      .refine((path) => !/\{(?!name\}|index\})/.test(path), 'may have {name} and {index} in it, and nothing else in braces')
      .optional(),
    env: z
      .string()
      .regex(/^[A-Za-z_]\w*$/, "must be a variable's name")
      .optional(),
  })
  .refine(({ patterns: each, groups }) => each.length + groups.length > 0, 'needs patterns or groups')
  .refine(({ groups }) => new Set(groups.map(({ id }) => id)).size === groups.length, {
    path: ['groups'],
    message: 'two have the same id',
  });

const uid = z
  .int()
  .min(0)
  .max(2 ** 32 - 2);

const settings = z.strictObject({
  resources: z
    .array(resource)
    .min(1)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'two have the same name'),
  intervalSeconds: z.number().min(0.1).max(86_400).default(1),
  pluginDirectory: absolute.default(devicePluginPath),
  allowedUids: z.array(uid).min(1).optional(),
});

/** What the plugin is told to do, with the defaults filled in. README.md tells what each field is. */
export type Settings = z.infer<typeof settings>;

/** One resource, and which files are its devices. */
export type ResourceSettings = Settings['resources'][number];

/** Reads the file of settings, YAML or JSON. INVALID_ARGUMENT names file, line and field. */
export function readSettings(file: string): Settings {
  return readSettingsFile(file, settings);
}
