import { readFileSync } from 'node:fs';
import { readDocument } from '@berth/api/read-document';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { PluginError } from '@berth/sdk/errors';
import { unreadable } from '@berth/sdk/unreadable';
import { z } from 'zod';
import { deviceIdStrategies, deviceListStrategies } from './allocation/allocation.ts';
import { discoveryKinds } from './discovery/open-source.ts';
import { applicationXids } from './discovery/xid.ts';
import { sharingPolicies } from './preference/shared.ts';
import { migStrategies } from './resources/resources.ts';

const directory = z.string().startsWith('/', 'must be an absolute path');
const replicas = z.int().min(1).max(1000);
const seconds = z.number().min(0.1).max(86_400);
const resourceName = z.string().refine(isExtendedResourceName, 'must be the name of an extended resource, as nvidia.com/gpu is');

const settings = z.strictObject({
  resourceName: resourceName.default('nvidia.com/gpu'),
  discovery: z.enum(discoveryKinds).default('auto'),
  deviceListStrategy: z.array(z.enum(deviceListStrategies)).min(1).default(['envvar']),
  deviceIdStrategy: z.enum(deviceIdStrategies).default('uuid'),
  migStrategy: z.enum(migStrategies).default('none'),
  migProfile: z
    .string()
    .regex(/^(\d+c\.)?\d+g\.\d+gb(\+[a-z.]+)*$/, 'must be a profile, as 1g.5gb is')
    .optional(),
  replicas: replicas.default(1),
  replicasPerResource: z.record(resourceName, replicas).default({}),
  renameShared: z.boolean().default(false),
  failRequestsGreaterThanOne: z.boolean().default(false),
  sharingPolicy: z.enum(sharingPolicies).default('distributed'),
  driverFiles: z.boolean().default(true),
  libraryDirectory: directory.optional(),
  cdiRoot: directory.default('/var/run/cdi'),
  ignoredXids: z.array(z.int().min(1).max(999_999)).default([...applicationXids]),
  recoverAfterSeconds: seconds.default(300),
  intervalSeconds: seconds.default(5),
  pluginDirectory: directory.default('/var/lib/kubelet/device-plugins'),
  allowedUids: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 32 - 2),
    )
    .min(1)
    .optional(),
});

/** What the plugin is told to do, by its file and its flags, with the defaults filled in. README.md tells what each is. */
export type Settings = z.infer<typeof settings>;

/** What a file or the flags give of it. */
export type GivenSettings = Partial<z.input<typeof settings>>;

/** Reads a file of settings, YAML or JSON. INVALID_ARGUMENT names file, line and field. */
export function readSettingsFile(file: string): GivenSettings {
  const read = readDocument(textOf(file));
  if ('problem' in read) throw invalid(`${file}:${read.position.line}`, read.problem);
  return checked(read.value ?? {}, (field) => `${file}:${read.locate(field).line}: ${field || 'the document'}`);
}

/** Checks settings that come from elsewhere. `name` tells what a field is called there. */
export function checked(given: unknown, name: (field: string) => string): GivenSettings {
  const result = settings.partial().safeParse(given);
  if (result.success) return given as GivenSettings;
  const [first] = result.error.issues;
  const field = z.core.toDotPath(first?.path ?? []);
  throw invalid(name(field), first?.message ?? 'is wrong');
}

/** All settings: flags go before the file, and that before the defaults. */
export function settingsOf(file: GivenSettings, flags: GivenSettings): Settings {
  return settings.parse({ ...file, ...flags });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw unreadable(thrown, { object: `settings ${file}` });
  }
}

function invalid(object: string, what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object });
}
