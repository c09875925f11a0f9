import { isExtendedResourceName } from '@berth/api/resource-names';
import { devicePluginPath } from '@berth/sdk/device/constants';
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

const uid = z
  .int()
  .min(0)
  .max(2 ** 32 - 2);

/** All that is known of each setting: what it may be, its default, and what it is for; `otherwise` is what holds where a setting without a default isn't given. */
const settings = z.strictObject({
  resourceName: resourceName.default('nvidia.com/gpu').describe('resource of whole GPUs; that of MIG devices has the same domain'),
  discovery: z.enum(discoveryKinds).default('auto').describe('how GPUs are found'),
  deviceListStrategy: z.array(z.enum(deviceListStrategies)).min(1).default(['envvar']).describe('how devices are told to the runtime'),
  deviceIdStrategy: z.enum(deviceIdStrategies).default('uuid').describe('what devices are called there'),
  migStrategy: z.enum(migStrategies).default('none').describe('how MIG devices are offered'),
  migProfile: z
    .string()
    .regex(/^(\d+c\.)?\d+g\.\d+gb(\+[a-z.]+)*$/, 'must be a profile, as 1g.5gb is')
    .optional()
    .describe('profile of MIG devices where NVML is not there to tell it'),
  replicas: replicas.default(1).describe('how many share each device, by time-slicing'),
  replicasPerResource: z.record(resourceName, replicas).default({}),
  renameShared: z.boolean().default(false).describe('call shared resources NAME.shared'),
  failRequestsGreaterThanOne: z.boolean().default(false).describe('refuse more than one of a shared resource'),
  sharingPolicy: z.enum(sharingPolicies).default('distributed').describe('parts of GPUs come from many GPUs or from few'),
  driverFiles: z.boolean().default(true).describe("mount the driver's libraries and nvidia-smi; --no-driver-files for none"),
  libraryDirectory: directory
    .optional()
    .meta({ description: 'where containers get those libraries', otherwise: "the host's directory of each" }),
  cdiRoot: directory.default('/var/run/cdi').describe('where the CDI specification is written'),
  ignoredXids: z
    .array(z.int().min(1).max(999_999))
    .default([...applicationXids])
    .describe('errors after which a GPU is in order'),
  recoverAfterSeconds: seconds.default(300).describe('how long no other error may come until a GPU is healthy again'),
  intervalSeconds: seconds.default(5).describe('how often GPUs are looked for'),
  pluginDirectory: directory.default(devicePluginPath).describe("the kubelet's directory of device plugins"),
  allowedUids: z.array(uid).min(1).optional().meta({ description: 'users whose kubelet is served', otherwise: 'root and the own one' }),
});

/** A setting as JSON Schema has it. */
export interface SettingSchema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: readonly string[];
  /** Of a list. */
  items?: SettingSchema;
  /** What holds where a setting without a default isn't given. */
  otherwise?: string;
}

/** What is known of each setting. */
export const settingSchemas = z.toJSONSchema(settings, { io: 'input' }).properties as Readonly<Record<string, SettingSchema>>;

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
