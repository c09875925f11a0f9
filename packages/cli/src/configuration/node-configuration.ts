import { readFileSync } from 'node:fs';
import { formatFieldError } from '@berth/api/field-error';
import { checkDnsSubdomain } from '@berth/api/names';
import type { RuntimeClass } from '@berth/api/objects';
import { validateRuntimeClass } from '@berth/api/validation';
import { PluginError } from '@berth/sdk/errors';
import { unreadable } from '@berth/sdk/unreadable';
import { parse } from 'yaml';
import { z } from 'zod';
import { normalNodeName } from './node-name.ts';

const handlerName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label, as RuntimeClass handlers are');
const endpoint = z.string().regex(/^(unix:\/\/\/|[^/]+:\d+$)/, 'must be unix:///PATH or HOST:PORT');

const nodeName = z
  .string()
  .transform(normalNodeName)
  .superRefine((name, issues) => {
    const [problem] = checkDnsSubdomain(name);
    if (problem !== undefined) issues.addIssue({ code: 'custom', message: `${JSON.stringify(name)}: ${problem}` });
  });

const runtime = z.strictObject({
  handler: handlerName,
  endpoint: endpoint.optional(),
  imageEndpoint: endpoint.optional(),
  runtimeHandler: z.string().optional(),
  command: z.array(z.string().min(1)).min(1).optional(),
  streamingCAFile: z.string().startsWith('/', 'must be an absolute path').optional(),
});

const runtimeClass = z.strictObject({
  name: z.string().min(1),
  handler: handlerName,
  overhead: z.strictObject({ podFixed: z.record(z.string(), z.union([z.string(), z.number()])) }).optional(),
  scheduling: z
    .strictObject({ nodeSelector: z.record(z.string(), z.string()).optional(), tolerations: z.array(z.looseObject({})).optional() })
    .optional(),
});

const nodeConfiguration = z.strictObject({
  apiVersion: z.literal('berth.dev/v1alpha1'),
  kind: z.literal('NodeConfiguration'),
  nodeName: nodeName.optional(),
  defaultHandler: handlerName.optional(),
  runtimes: z.array(runtime).min(1).optional(),
  runtimeClasses: z.array(runtimeClass).optional(),
  cni: z
    .strictObject({
      confDir: z.string().startsWith('/', 'must be an absolute path').optional(),
      binDirs: z.array(z.string().startsWith('/', 'must be an absolute path')).min(1).optional(),
      bridge: z
        .string()
        .regex(/^[^/\s]{1,15}$/, 'must be an interface name of at most 15 characters')
        .optional(),
      subnet: z.union([z.cidrv4(), z.cidrv6()], 'must be a CIDR: 10.85.0.0/16').optional(),
    })
    .optional(),
  imageCredentialProviderConfig: z.string().startsWith('/', 'must be an absolute path').optional(),
  imageCredentialProviderBinDir: z.string().startsWith('/', 'must be an absolute path').optional(),
  registry: z.strictObject({ configPath: z.string().startsWith('/', 'must be an absolute path').optional() }).optional(),
  cgroupRoot: z.string().startsWith('/', 'must start with /').optional(),
  runtimeRequestTimeout: z
    .string()
    .regex(/^\d+(ms|s|m)$/, 'must be a duration: 500ms, 30s, 2m')
    .optional(),
});

/** `berth.yaml` as users write it; what each field means stands in README.md, "Swapping the runtime". */
export type NodeConfigurationFile = z.infer<typeof nodeConfiguration>;

/** One runtime of the node: where its CRI server is and, if berth starts it, by which command. */
export interface RuntimeEntry {
  /** What a RuntimeClass names. */
  handler: string;
  /** `unix:///path` or `host:port`; default RUN/HANDLER.sock. */
  endpoint?: string;
  /** Where its ImageService is, if not there. */
  imageEndpoint?: string;
  /** Sent as RunPodSandbox.runtime_handler; default empty, the server's own default. */
  runtimeHandler?: string;
  /** Started and supervised by the node; a first word that is a package (`@berth/runtime-runc`) or a script gets the common flags. */
  command?: string[];
  /** PEM file of the authorities that the certificate of its streaming server is of, where that speaks HTTPS. */
  streamingCAFile?: string;
}

/** A node's runtimes and network, with the built-in defaults filled in. */
export interface NodeConfiguration {
  nodeName: string | undefined;
  defaultHandler: string;
  runtimes: RuntimeEntry[];
  /** Those of the file, and one of the name of each handler that the file gives no class of that name. */
  runtimeClasses: RuntimeClass[];
  cni: { confDir?: string; binDirs?: string[]; bridge: string; subnet: string };
  /** `configPath`: where hosts of registries are configured, as containerd's `config_path`; default /etc/berth/certs.d. */
  registry: { configPath?: string };
  /** Programs that know logins at registries, as kubelet's flags name them: the CredentialProviderConfig, and the directory of the programs. */
  imageCredentialProvider: { configPath: string; binDir: string } | undefined;
  /** Parent of all pod cgroups, in cgroupfs notation. */
  cgroupRoot: string;
  runtimeRequestTimeoutMs: number;
}

const builtInRuntimes: RuntimeEntry[] = [
  { handler: 'runc', command: ['@berth/runtime-runc'] },
  { handler: 'vm', command: ['@berth/runtime-vm'] },
  { handler: 'sentry', command: ['@berth/runtime-sentry'] },
  { handler: 'fake', command: ['@berth/runtime-fake'] },
];

/** Reads `berth.yaml`; without a path, the built-in configuration. Every error names file, field and cure. */
export function readNodeConfiguration(path?: string): NodeConfiguration {
  return withDefaults(path === undefined ? {} : parseFile(path));
}

function parseFile(path: string): Partial<NodeConfigurationFile> {
  let document: unknown;
  try {
    document = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw unreadable(error, { object: path });
  }
  const result = nodeConfiguration.safeParse(document);
  if (result.success) return checkHandlers(path, result.data);
  const causes = result.error.issues.map(
    (issue) => `${issue.path.map(segment).join('').replace(/^\./, '') || 'document'}: ${issue.message}`,
  );
  throw new PluginError('INVALID_ARGUMENT', causes.join('\n'), { object: path });
}

function segment(part: PropertyKey): string {
  return typeof part === 'number' ? `[${part}]` : `.${String(part)}`;
}

function checkHandlers(path: string, file: NodeConfigurationFile): NodeConfigurationFile {
  const handlers = (file.runtimes ?? builtInRuntimes).map((entry) => entry.handler);
  const twice = handlers.find((handler, index) => handlers.indexOf(handler) !== index);
  if (twice)
    throw new PluginError('INVALID_ARGUMENT', `runtimes: handler ${twice} is listed twice`, {
      object: path,
      hint: 'give each runtime a handler of its own',
    });
  checkRuntimeClasses(path, file.runtimeClasses ?? [], handlers);
  if (file.defaultHandler && !handlers.includes(file.defaultHandler)) {
    throw new PluginError('INVALID_ARGUMENT', `defaultHandler: no runtime has the handler ${file.defaultHandler}`, {
      object: path,
      hint: `use one of ${handlers.join(', ')}`,
    });
  }
  for (const [index, entry] of (file.runtimes ?? []).entries()) {
    if (entry.endpoint || entry.command) continue;
    throw new PluginError('INVALID_ARGUMENT', `runtimes[${index}]: neither endpoint nor command`, {
      object: path,
      hint: 'give the endpoint of a running CRI server, or the command that starts one',
    });
  }
  return file;
}

function checkRuntimeClasses(path: string, classes: NonNullable<NodeConfigurationFile['runtimeClasses']>, handlers: string[]): void {
  const names = classes.map(({ name }) => name);
  const problems = classes.flatMap((each, index) =>
    [
      ...validateRuntimeClass(runtimeClassOf(each)).map((error) => formatFieldError(error)),
      ...(names.indexOf(each.name) < index ? [`${each.name} is listed twice`] : []),
      ...(handlers.includes(each.handler) ? [] : [`no runtime has the handler ${each.handler}; use one of ${handlers.join(', ')}`]),
    ].map((problem) => `runtimeClasses[${index}]: ${problem}`),
  );
  if (problems.length > 0) throw new PluginError('INVALID_ARGUMENT', problems.join('\n'), { object: path });
}

function withDefaults(file: Partial<NodeConfigurationFile>): NodeConfiguration {
  const runtimes = file.runtimes ?? builtInRuntimes;
  return {
    nodeName: file.nodeName,
    defaultHandler: file.defaultHandler ?? (runtimes[0] as RuntimeEntry).handler,
    runtimes,
    runtimeClasses: runtimeClassesOf(file, runtimes),
    cni: { bridge: 'berth0', subnet: '10.85.0.0/16', ...file.cni },
    imageCredentialProvider: imageCredentialProviderOf(file),
    registry: file.registry ?? {},
    cgroupRoot: file.cgroupRoot ?? '/berth',
    runtimeRequestTimeoutMs: milliseconds(file.runtimeRequestTimeout ?? '2m'),
  };
}

function runtimeClassesOf({ runtimeClasses = [] }: Partial<NodeConfigurationFile>, runtimes: RuntimeEntry[]): RuntimeClass[] {
  const own = runtimeClasses.map(runtimeClassOf);
  const unnamed = runtimes.filter(({ handler }) => !runtimeClasses.some(({ name }) => name === handler));
  return [...own, ...unnamed.map(({ handler }) => runtimeClassOf({ name: handler, handler }))];
}

function runtimeClassOf({ name, ...fields }: NonNullable<NodeConfigurationFile['runtimeClasses']>[number]): RuntimeClass {
  return { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name }, ...fields } as RuntimeClass;
}

function imageCredentialProviderOf(file: Partial<NodeConfigurationFile>): NodeConfiguration['imageCredentialProvider'] {
  const { imageCredentialProviderConfig: configPath, imageCredentialProviderBinDir: binDir } = file;
  if (configPath !== undefined && binDir !== undefined) return { configPath, binDir };
  if (configPath === binDir) return undefined;
  throw new PluginError('INVALID_ARGUMENT', 'imageCredentialProviderConfig and imageCredentialProviderBinDir: one of them is missing', {
    hint: 'give both, or neither',
  });
}

function milliseconds(duration: string): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };
  const [, count, unit] = /^(\d+)(ms|s|m)$/.exec(duration) as RegExpExecArray;
  return Number(count) * (units[unit as string] as number);
}
