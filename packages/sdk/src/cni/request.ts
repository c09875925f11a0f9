import type { AttachmentName } from './attachment.ts';
import { invalid, Keys } from './keys.ts';
import type { PluginConfig, Result, Verb } from './types.ts';
import { CniError, errorCodes, identifier, isObject, notJson, validAttachmentsKey } from './types.ts';
import { compareVersions, defaultVersion, readResult, supportedVersions } from './versions.ts';

type Environment = Record<string, string | undefined>;

/** What a plugin is asked to do, checked (SPEC.md, "Parameters" and "Execution protocol"). Where a verb has no such parameter it is ''. */
export interface Request<Config extends PluginConfig = PluginConfig> {
  verb: Verb;
  containerId: string;
  /** Path of the network namespace; DEL may come without one. */
  netns: string;
  ifName: string;
  /** CNI_ARGS: `K=V;K=V`. */
  args: Record<string, string>;
  /** The directories of CNI_PATH. */
  path: string[];
  /** The version that the result will be written in. */
  cniVersion: string;
  config: Config;
  /** The result of the plugin before this one in the chain, or with DEL and CHECK that of the ADD; in the shape of 1.1.0. */
  prevResult?: Result;
  /** With GC: the attachments that are in use, all others are to go. */
  validAttachments: AttachmentName[];
}

interface Variable {
  requiredFor: readonly Verb[];
  problem?(value: string): string | undefined;
}

/** The verbs that are about one container's attachment. */
export const everyAttachment: readonly Verb[] = ['ADD', 'DEL', 'CHECK'];

const variables: Record<string, Variable> = {
  CNI_CONTAINERID: {
    requiredFor: everyAttachment,
    problem: (value) =>
      identifier.test(value) ? undefined : 'must start with a letter or digit and hold only letters, digits, "_", "." and "-"',
  },
  CNI_NETNS: { requiredFor: ['ADD', 'CHECK'] },
  CNI_IFNAME: { requiredFor: everyAttachment, problem: interfaceNameProblem },
  CNI_PATH: { requiredFor: ['ADD', 'CHECK', 'GC'] },
  CNI_ARGS: { requiredFor: [], problem: argsProblem },
};

/** Throws a CniError (code 4) where a container or an interface is named as none may be: it would stand in paths, too. */
export function checkAttachmentName({ containerId, ifName }: AttachmentName): void {
  for (const [name, value] of Object.entries({ CNI_CONTAINERID: containerId, CNI_IFNAME: ifName })) {
    const problem = value === '' ? 'is empty' : variables[name]?.problem?.(value);
    if (problem) throw new CniError(errorCodes.invalidEnvironment, `${JSON.stringify(value)} ${problem}`, { object: name });
  }
}

/** In bytes (IFNAMSIZ, without the zero at the end). */
export const longestInterfaceName = 15;

/** What is wrong with the name of an interface, by the rules of Linux (dev_valid_name). */
export function interfaceNameProblem(name: string): string | undefined {
  if (new TextEncoder().encode(name).length > longestInterfaceName) return `is longer than ${longestInterfaceName} bytes`;
  if (name === '.' || name === '..') return 'is a directory name';
  return /[\s/:]/.test(name) ? 'holds "/", ":" or a space' : undefined;
}

function argsProblem(value: string): string | undefined {
  return value === '' || value.split(';').every((pair) => /^[^=]+=/.test(pair)) ? undefined : 'is not a list like KEY=VALUE;KEY=VALUE';
}

/** The verb of CNI_COMMAND; a CniError (code 4) where it is none. */
export function readVerb(environment: Environment, verbs: readonly Verb[]): Verb {
  const command = environment.CNI_COMMAND ?? '';
  const verb = verbs.find((known) => known === command);
  if (verb) return verb;
  const what = command === '' ? 'CNI_COMMAND is not set' : `CNI_COMMAND ${JSON.stringify(command)} is unknown`;
  throw new CniError(errorCodes.invalidEnvironment, what, { hint: `use one of ${verbs.join(', ')}` });
}

/** Reads stdin as a JSON object; a CniError (code 6) where it isn't one. */
export function readConfig(stdin: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(stdin);
  } catch (cause) {
    const what = stdin.trim() === '' ? 'is empty' : notJson(cause);
    throw new CniError(errorCodes.decodingFailure, what, { object: 'network configuration on stdin', cause });
  }
  if (!isObject(value))
    throw new CniError(errorCodes.decodingFailure, 'is not a JSON object', { object: 'network configuration on stdin' });
  return value;
}

/** The version that a configuration asks for; a CniError (code 7) where it isn't one. */
export function versionOf(config: Record<string, unknown>): string {
  const { cniVersion = defaultVersion } = config;
  if (typeof cniVersion === 'string' && isVersion(cniVersion)) return cniVersion;
  throw new CniError(errorCodes.invalidConfig, `is ${JSON.stringify(cniVersion)}`, { object: 'cniVersion', hint: 'write it like "1.0.0"' });
}

/** Each regular expression costs an execution 25 to 50 us, so that the known ones are compared first. */
function isVersion(text: string): boolean {
  return supportedVersions.includes(text) || /^\d+\.\d+\.\d+$/.test(text);
}

/** Checks the environment and the configuration for `verb`. Throws a CniError of code 1, 4, 6 or 7. */
export function readRequest(verb: Verb, environment: Environment, config: Record<string, unknown>, versions: string[]): Request {
  checkEnvironment(verb, environment);
  const cniVersion = versionOf(config);
  if (!versions.includes(cniVersion)) {
    throw new CniError(errorCodes.incompatibleVersion, `cniVersion ${cniVersion} is not supported`, {
      details: `supported are ${versions.join(', ')}`,
    });
  }
  checkVerb(verb, cniVersion);
  const { type = '', name } = config;
  if (typeof type !== 'string') throw new CniError(errorCodes.invalidConfig, 'is not a string', { object: 'type' });
  checkName(name, verb);
  return {
    verb,
    containerId: environment.CNI_CONTAINERID ?? '',
    netns: environment.CNI_NETNS ?? '',
    ifName: environment.CNI_IFNAME ?? '',
    args: parseArgs(environment.CNI_ARGS ?? ''),
    path: (environment.CNI_PATH ?? '').split(':').filter((directory) => directory !== ''),
    cniVersion,
    config: { ...config, type },
    validAttachments: verb === 'GC' ? readValidAttachments(config) : [],
    ...(config.prevResult == null ? {} : { prevResult: readResult(config.prevResult, cniVersion, 'prevResult') }),
  };
}

/** One that is missing or can't be read would pass for a list with nothing in it, and everything would go. */
function readValidAttachments(config: Record<string, unknown>): AttachmentName[] {
  const keys = new Keys(config);
  if (keys.value(validAttachmentsKey) === undefined) throw invalid(validAttachmentsKey, 'is missing', 'list what is in use');
  return keys.objects(validAttachmentsKey).map((attachment) => {
    const [containerId, ifName] = [attachment.string('containerID'), attachment.string('ifname')];
    if (containerId === undefined) throw invalid(attachment.path('containerID'), 'is missing');
    if (ifName === undefined) throw invalid(attachment.path('ifname'), 'is missing');
    return { containerId, ifName };
  });
}

function checkEnvironment(verb: Verb, environment: Environment): void {
  const missing = Object.keys(variables).filter((name) => variables[name]?.requiredFor.includes(verb) && !environment[name]);
  if (missing.length > 0) {
    throw new CniError(errorCodes.invalidEnvironment, `${missing.join(', ')} must be set for ${verb}`, { object: 'environment' });
  }
  for (const [name, { requiredFor, problem }] of Object.entries(variables)) {
    const value = environment[name] ?? '';
    const found = value === '' || (requiredFor.length > 0 && !requiredFor.includes(verb)) ? undefined : problem?.(value);
    if (found) throw new CniError(errorCodes.invalidEnvironment, `${JSON.stringify(value)} ${found}`, { object: name });
  }
}

const since: Partial<Record<Verb, string>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' };

function checkVerb(verb: Verb, cniVersion: string): void {
  const first = since[verb];
  if (first === undefined || compareVersions(cniVersion, first) >= 0) return;
  throw new CniError(errorCodes.incompatibleVersion, `cniVersion ${cniVersion} has no ${verb}`, { hint: `ask for ${first} or newer` });
}

function checkName(name: unknown, verb: Verb): void {
  if (typeof name === 'string' && identifier.test(name)) return;
  // The spec asks for none with STATUS.
  if (name === undefined && verb === 'STATUS') return;
  const what = name === undefined ? 'is missing' : `is ${JSON.stringify(name)}`;
  const hint = 'start it with a letter or digit and use only letters, digits, "_", "." and "-"';
  throw new CniError(errorCodes.invalidConfig, what, { object: 'network name', hint });
}

function parseArgs(text: string): Record<string, string> {
  const args: Record<string, string> = {};
  for (const pair of text.split(';')) if (pair !== '') args[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
  return args;
}
