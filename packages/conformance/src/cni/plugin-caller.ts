import { expectTrue } from '../expect.ts';
import type { VerbCoverage } from './coverage.ts';
import type { Execution } from './execution.ts';
import type { TestHost } from './host.ts';
import { type CniErrorObject, parseError } from './results.ts';

/** What a call says otherwise than its caller does; a variable or key that is undefined is left out. */
export interface CallChange {
  env?: Record<string, string | undefined>;
  config?: Record<string, unknown>;
  /** In place of the configuration, whole. */
  stdin?: string;
  killAfterMs?: number;
  /** Kills the plugin. */
  signal?: AbortSignal;
}

/** What is executed, and where its calls are noted: those of a plugin that isn't judged nowhere. */
interface ExecutedPlugin {
  /** Path of the executable. */
  plugin: string;
  /** Its type in configurations. */
  name: string;
  coverage?: VerbCoverage;
}

export interface NetworkParts {
  /** The network's name. */
  network: string;
  cniVersion: string;
  /** The plugin's configuration, without what this object adds. */
  config: Record<string, unknown>;
  path: string[];
}

/** Calls a plugin on a host for a network, as a runtime does: by itself for the verbs that are about no container. */
export class PluginCaller<Parts extends NetworkParts = NetworkParts> {
  readonly host: TestHost;
  readonly parts: Parts;
  protected readonly executed: ExecutedPlugin;

  constructor(executed: ExecutedPlugin, host: TestHost, parts: Parts) {
    this.executed = executed;
    this.host = host;
    this.parts = parts;
  }

  /** Executes the plugin, and gives how that ended. */
  async call(verb: string, { env, config, stdin, ...kill }: CallChange = {}): Promise<Execution> {
    const given = { ...this.environment(verb), ...env };
    const variables = Object.fromEntries(Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined));
    const input = { ...this.configuration(verb), ...config };
    const execution = await this.host.execute(this.executed.plugin, [], {
      env: variables,
      stdin: stdin ?? JSON.stringify(input),
      ...kill,
    });
    this.executed.coverage?.ended({
      verb,
      env: variables,
      stdin: stdin === undefined ? input : undefined,
      succeeded: execution.status === 0,
      printed: objectIn(execution.stdout),
    });
    return execution;
  }

  /** Throws unless the plugin says that it is ready. */
  async status(): Promise<void> {
    succeeded('STATUS', await this.call('STATUS'));
  }

  /** The error object that the plugin refuses the call with, undefined where it succeeds. Throws where it does neither. */
  async refusal(verb: string, change: CallChange, what: string): Promise<CniErrorObject | undefined> {
    const { status, stdout, stderr } = await this.call(verb, change);
    expectTrue(status !== null, `${what}: ${verb} was ended by a signal: ${stderr.slice(0, 300)}`);
    return status === 0 ? undefined : parseError(stdout);
  }

  /** Throws unless the plugin refuses the call with an error object, of one of the codes if any are given. */
  async refused(verb: string, change: CallChange, what: string, ...codes: number[]): Promise<CniErrorObject> {
    const error = await this.refusal(verb, change, what);
    if (!error) throw new Error(`${what}: ${verb} succeeded`);
    if (codes.length > 0 && !codes.includes(error.code)) {
      throw new Error(`${what}: expected an error of code ${codes.join(' or ')}, got ${error.code}: ${error.msg}`);
    }
    return error;
  }

  /** The configuration that a runtime would write to standard input for this verb. */
  configuration(_verb: string): Record<string, unknown> {
    const { config, cniVersion, network } = this.parts;
    const { capabilities: _, ...own } = config;
    // The version and the network are the case's, whatever the user's file says.
    return { type: this.executed.name, ...own, cniVersion, name: network };
  }

  protected environment(verb: string): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      CNI_COMMAND: verb,
      ...(verb !== 'VERSION' && { CNI_PATH: this.parts.path.join(':') }),
    };
  }
}

/** The execution, if it succeeded. Throws what the plugin said else. */
export function succeeded(verb: string, execution: Execution): Execution {
  const { status, stdout, stderr } = execution;
  if (status === 0) return execution;
  const said = [stdout, stderr].map((text) => text.trim()).filter(Boolean);
  throw new Error(`${verb} ended with ${status ?? 'a signal'}: ${said.join(' ').slice(0, 500) || 'it said nothing'}`);
}

function objectIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
