import { readFileSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { parse } from 'yaml';
import { z } from 'zod';
import { extensionPoints } from './framework.ts';
import { type BackOff, defaultBackOff } from './queue/back-off.ts';

const apiVersion = 'kubescheduler.config.k8s.io/v1';
const name = z.string().min(1);
const percentage = z.int().min(0).max(100);

const pluginSet = z.strictObject({
  enabled: z.array(z.strictObject({ name, weight: z.int().min(0).max(100).optional() })).optional(),
  disabled: z.array(z.strictObject({ name })).optional(),
});

const points = ['multiPoint', 'queueSort', ...extensionPoints] as const;

const profile = z.strictObject({
  schedulerName: name.default('default-scheduler'),
  percentageOfNodesToScore: percentage.optional(),
  plugins: z.partialRecord(z.enum(points), pluginSet).default({}),
  pluginConfig: z.array(z.strictObject({ name, args: z.record(z.string(), z.unknown()) })).default([]),
});

const schedulerConfiguration = z
  .strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('KubeSchedulerConfiguration'),
    percentageOfNodesToScore: percentage.default(0),
    podInitialBackoffSeconds: z
      .int()
      .min(1)
      .default(defaultBackOff.initialMs / 1000),
    podMaxBackoffSeconds: z
      .int()
      .min(1)
      .default(defaultBackOff.maxMs / 1000),
    profiles: z.array(profile).min(1).optional(),
  })
  .refine(({ podInitialBackoffSeconds, podMaxBackoffSeconds }) => podInitialBackoffSeconds <= podMaxBackoffSeconds, {
    path: ['podMaxBackoffSeconds'],
    message: 'must be greater than or equal to podInitialBackoffSeconds',
  })
  .check(({ value, issues }) => {
    const names = (value.profiles ?? []).map(({ schedulerName }) => schedulerName);
    const twice = names.findIndex((each, index) => names.indexOf(each) !== index);
    if (twice < 0) return;
    const message = `${names[twice]} is there twice; give each profile a name of its own`;
    issues.push({ code: 'custom', path: ['profiles', twice, 'schedulerName'], message, input: value });
  });

/** Which plugins a point has besides the default ones, and which it hasn't. */
export type PluginSet = z.infer<typeof pluginSet>;

/** `plugins` of a profile: by extension point, `multiPoint` for all that a plugin has. */
export type PluginSets = Partial<Record<(typeof points)[number], PluginSet>>;

/** A profile as users write it. */
export type ProfileConfiguration = z.infer<typeof profile>;

/** What is honoured of a KubeSchedulerConfiguration, with the defaults filled in. */
export interface SchedulerConfiguration {
  /** For error messages, and what relative paths in it start from; undefined for the built-in one. */
  file: string | undefined;
  percentageOfNodesToScore: number;
  backOff: BackOff;
  profiles: ProfileConfiguration[];
}

/** Reads a KubeSchedulerConfiguration; without a path, kube-scheduler's defaults. Throws a PluginError that names file and field. */
export function readSchedulerConfiguration(file?: string): SchedulerConfiguration {
  const { percentageOfNodesToScore, podInitialBackoffSeconds, podMaxBackoffSeconds, profiles } = parsed(file);
  return {
    file,
    percentageOfNodesToScore,
    backOff: { initialMs: podInitialBackoffSeconds * 1000, maxMs: podMaxBackoffSeconds * 1000 },
    profiles: profiles ?? [profile.parse({})],
  };
}

function parsed(file: string | undefined): z.infer<typeof schedulerConfiguration> {
  if (file === undefined) return schedulerConfiguration.parse({ apiVersion, kind: 'KubeSchedulerConfiguration' });
  let document: unknown;
  try {
    document = parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw PluginError.from(thrown, 'INVALID_ARGUMENT', { object: file });
  }
  return checked(schedulerConfiguration, document, file);
}

/** The value in the shape of `schema`, or an INVALID_ARGUMENT error with a line for each field that isn't; `at` is where the value is. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  object: string,
  at: PropertyKey[] = [],
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${fieldPath([...at, ...path]) || 'document'}: ${message}`);
  throw new PluginError('INVALID_ARGUMENT', problems.join('\n'), { object });
}

/** `profiles[0].schedulerName` */
export function fieldPath(path: readonly PropertyKey[]): string {
  return z.core.toDotPath(path);
}
