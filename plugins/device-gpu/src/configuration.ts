import { isExtendedResourceName } from '@berth/api/resource-names';
import { checkedSettings, readSettingsFile, type SettingsSchema } from '@berth/sdk/settings-file';
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

/** As it is given: defaults come last. */
const givenSettings: SettingsSchema<GivenSettings> = {
  safeParse(value) {
    const result = settings.partial().safeParse(value);
    return result.success ? { success: true, data: value as GivenSettings } : result;
  },
};

/** Reads a file of settings, YAML or JSON. INVALID_ARGUMENT names file, line and field. */
export function readGivenSettings(file: string): GivenSettings {
  return readSettingsFile(file, givenSettings);
}

/** Checks settings that come from elsewhere. `name` tells what a field is called there. */
export function checked(given: unknown, name: (field: string) => string): GivenSettings {
  return checkedSettings(given, givenSettings, name);
}

/** All settings: flags go before the file, and that before the defaults. */
export function settingsOf(file: GivenSettings, flags: GivenSettings): Settings {
  return settings.parse({ ...file, ...flags });
}
