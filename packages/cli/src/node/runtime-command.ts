import { fileURLToPath } from 'node:url';
import { PluginError } from '@berth/sdk/errors';
import { type Directories, defaultEndpoint } from '../configuration/directories.ts';
import type { NodeConfiguration, RuntimeEntry } from '../configuration/node-configuration.ts';

/** A runtime's CRI server as it is to be started: program, arguments, and where it will listen. */
export interface RuntimeCommand {
  handler: string;
  endpoint: string;
  program: string;
  args: string[];
  /** Why it can't be started here; who starts it throws this. A node runs without the runtimes that its pods don't ask for. */
  refusal?: PluginError;
}

/** Where the shims of this node find CNI, `cni` of NodeConfiguration with its defaults resolved. */
export interface CniDirectories {
  confDir: string;
  binDirs: string[];
  /** Results of ADD and locks of networks, which all shims of the node share. */
  cacheDir: string;
}

/** What the shims of a node are told of it. */
export interface ShimConfiguration {
  cni: CniDirectories;
  registry: NodeConfiguration['registry'];
}

/**
 * The most MiB of one half of V8's space for new objects. By default that is 16, and a shim keeps what one burst of calls has filled: 35 MB
 * more than it needs. What it costs is a collection of a millisecond more often.
 */
const smallHeap = '--max-semi-space-size=2';

/**
 * The command line of a runtime entry. A first word that is a package or a script is run by this Node and gets the
 * flags that every `runtimeMain` reads; any other program is run as written, with `$(ENDPOINT)`, `$(ROOT)`, `$(RUN)` and
 * `$(HANDLER)` replaced.
 */
export function runtimeCommand(
  entry: RuntimeEntry,
  directories: Directories,
  { cni, registry }: ShimConfiguration,
  listen?: string,
): RuntimeCommand {
  const endpoint = listen ?? entry.endpoint ?? defaultEndpoint(directories, entry.handler);
  const variables: Record<string, string> = { ENDPOINT: endpoint, ROOT: directories.root, RUN: directories.run, HANDLER: entry.handler };
  const [first, ...rest] = (entry.command ?? []).map((word) => word.replace(/\$\(([A-Z]+)\)/g, (whole, name) => variables[name] ?? whole));
  if (first === undefined) {
    throw new PluginError('FAILED_PRECONDITION', 'it has no command', {
      object: `runtime ${entry.handler}`,
      hint: 'name in berth.yaml the command that starts it',
    });
  }
  const script = scriptOf(first, entry.handler);
  if (script instanceof PluginError) return { handler: entry.handler, endpoint, program: first, args: rest, refusal: script };
  if (!script) return { handler: entry.handler, endpoint, program: first, args: rest };
  const common = [
    '--listen',
    endpoint,
    '--root',
    directories.root,
    '--run',
    directories.run,
    '--handler',
    entry.handler,
    '--cni-conf-dir',
    cni.confDir,
  ];
  const binDirs = cni.binDirs.flatMap((directory) => ['--cni-bin-dir', directory]);
  const registryFlags = registry.configPath === undefined ? [] : ['--registry-config-path', registry.configPath];
  return {
    handler: entry.handler,
    endpoint,
    program: process.execPath,
    args: [...process.execArgv, smallHeap, script, ...common, ...binDirs, ...registryFlags, ...rest],
  };
}

/** Undefined for a word that is neither a script nor a package. */
function scriptOf(word: string, handler: string): string | PluginError | undefined {
  if (/\.(ts|js|mjs)$/.test(word)) return word;
  if (!word.startsWith('@')) return undefined;
  try {
    return fileURLToPath(import.meta.resolve(`${word}/main`));
  } catch (error) {
    return new PluginError('NOT_FOUND', `package ${word} isn't installed`, {
      object: `runtime ${handler}`,
      hint: `run "npm install ${word}", or name another command in berth.yaml`,
      cause: error,
    });
  }
}

/** The entry of a handler, or an error that lists those there are. */
export function runtimeEntry(configuration: NodeConfiguration, handler: string): RuntimeEntry {
  const entry = configuration.runtimes.find((candidate) => candidate.handler === handler);
  if (entry) return entry;
  const known = configuration.runtimes.map((candidate) => candidate.handler).join(', ');
  throw new PluginError('NOT_FOUND', 'no runtime has this handler', {
    object: `handler ${handler}`,
    hint: `use one of ${known}, or add it to berth.yaml`,
  });
}
