import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { parse } from 'yaml';
import { z } from 'zod';

const pattern = z
  .string()
  .min(1)
  .regex(/^[^/\s]+(\/\S*)?$/, 'must be a host with or without a path')
  .refine((text) => !text.includes('://'), 'must have no scheme');

/** A duration as Go writes it. */
export const duration = z.string().regex(/^(\d+(\.\d+)?(ms|h|m|s))+$|^0$/, 'must be a duration: 12h, 5m30s, 0s');

const provider = z.strictObject({
  name: z
    .string()
    .min(1)
    .regex(/^[^/\s]+$/, 'must be the name of a file, without directory and blanks')
    .refine((name) => name !== '.' && name !== '..', 'must be the name of a file'),
  matchImages: z.array(pattern).min(1),
  defaultCacheDuration: duration,
  apiVersion: z.enum(['credentialprovider.kubelet.k8s.io/v1', 'credentialprovider.kubelet.k8s.io/v1beta1']),
  args: z.array(z.string()).nullish(),
  env: z.array(z.strictObject({ name: z.string().min(1), value: z.string() })).nullish(),
  // Such a plugin wants a service account's token with each request.
  tokenAttributes: z.undefined("is refused: this node has no API that issues service accounts' tokens; leave it out").optional(),
});

const configuration = z.strictObject({
  apiVersion: z.enum(['kubelet.config.k8s.io/v1', 'kubelet.config.k8s.io/v1beta1']),
  kind: z.literal('CredentialProviderConfig'),
  providers: z.array(provider).min(1),
});

/** One plugin: a program that knows logins for some images. */
export interface CredentialProvider {
  /** Of the program, in the plugins' directory. */
  name: string;
  /** It is asked for images that match one of these. */
  matchImages: string[];
  /** How long an answer holds that doesn't say so itself. */
  defaultCacheMs: number;
  /** Of requests and answers. */
  apiVersion: string;
  args: string[];
  /** Besides the kubelet's own. */
  env: Record<string, string>;
}

/** Reads a CredentialProviderConfig, or all of a directory in the order of their names. INVALID_ARGUMENT names file, field and cure. */
export async function readCredentialProviders(path: string): Promise<CredentialProvider[]> {
  const providers: CredentialProvider[] = [];
  for (const file of await filesAt(path)) {
    for (const each of await readFileAt(file)) {
      if (providers.some(({ name }) => name === each.name)) throw invalid(file, `providers: ${each.name} is listed twice`);
      providers.push(each);
    }
  }
  return providers;
}

async function filesAt(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    return (await readdir(path))
      .filter((name) => /\.(json|ya?ml)$/.test(name))
      .toSorted()
      .map((name) => join(path, name));
  } catch (error) {
    throw PluginError.from(error, 'INVALID_ARGUMENT', { object: path, hint: 'name a CredentialProviderConfig that can be read' });
  }
}

async function readFileAt(file: string): Promise<CredentialProvider[]> {
  let document: unknown;
  try {
    document = parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw PluginError.from(error, 'INVALID_ARGUMENT', { object: file });
  }
  const result = configuration.safeParse(document);
  if (!result.success)
    throw invalid(file, result.error.issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`).join('\n'));
  return result.data.providers.map(({ defaultCacheDuration, args, env, tokenAttributes: _none, ...rest }) => ({
    ...rest,
    defaultCacheMs: durationMs(defaultCacheDuration),
    args: args ?? [],
    env: Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
  }));
}

function invalid(file: string, what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: file });
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as Go writes it, in milliseconds: `1h30m`, `0`. */
export function durationMs(text: string): number {
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0),
    0,
  );
}
