import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runBeside } from '@berth/sdk/cni/run-beside';
import { InvalidArgumentError } from 'commander';
import type { PluginServers } from '../../packages/shim/src/network/plugin-servers.ts';
import { stopwatch } from './stopwatch.ts';

export type Verb = 'ADD' | 'DEL';

/** A container's interface; host-local alone needs no namespace. */
export interface Attachment {
  containerId: string;
  netns?: string;
}

/** CNI plugins of one directory, executed as a runtime does, with one network's configuration. */
export class CniExecutables {
  readonly #directory: string;
  readonly #config: Record<string, unknown>;

  constructor(directory: string, config: Record<string, unknown>) {
    this.#directory = directory;
    this.#config = config;
  }

  /** One execution with nothing else going on; milliseconds from before its start to its end. */
  time(type: string, verb: Verb, attachment: Attachment): number {
    const { file, env, input } = this.#call(type, verb, attachment);
    const clock = stopwatch();
    const { error, status, stdout } = spawnSync(file, [], { env, input, encoding: 'utf8' });
    const passed = clock();
    check({ file, verb, error, status, stdout });
    return passed;
  }

  /** One execution beside others; what it printed, parsed. */
  async run(type: string, verb: Verb, attachment: Attachment): Promise<Record<string, unknown>> {
    const { file, env, input } = this.#call(type, verb, attachment);
    const { error, status, stdout } = await runBeside(file, [], { env, input });
    check({ file, verb, error, status, stdout });
    return JSON.parse(stdout || '{}') as Record<string, unknown>;
  }

  /** One call as our shim makes it: of a program that is started once and asked over and over. */
  async ask(servers: PluginServers, type: string, verb: Verb, attachment: Attachment): Promise<void> {
    const { file, env, input } = this.#call(type, verb, attachment);
    const { containerId } = attachment;
    const call = { plugin: type, file, network: 'bench', verb, containerId, ifName: 'eth0', env: variablesOf(env), stdin: input };
    const { exitCode, stdout, error } = await servers.execute(call, { timeLimitMs: 30_000, signal: undefined });
    check({ file, verb, error, status: exitCode ?? null, stdout });
  }

  #call(type: string, verb: Verb, { containerId, netns = '/none' }: Attachment) {
    const cni = { CNI_COMMAND: verb, CNI_CONTAINERID: containerId, CNI_NETNS: netns, CNI_IFNAME: 'eth0', CNI_PATH: this.#directory };
    return { file: join(this.#directory, type), env: { ...process.env, ...cni }, input: JSON.stringify({ ...this.#config, type }) };
  }
}

interface Ended {
  file: string;
  verb: Verb;
  error?: Error | undefined;
  status: number | null;
  stdout: string;
}

function check({ file, verb, error, status, stdout }: Ended): void {
  if (error || status !== 0) throw new Error(`${file} ${verb}: ${error?.message ?? stdout}`, { cause: error });
}

function variablesOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** The address that a result gives first. */
export function addressOf(result: Record<string, unknown>): string {
  const [first] = result.ips as { address: string }[];
  if (first === undefined) throw new Error(`a result without an address: ${JSON.stringify(result)}`);
  return first.address;
}

/** New network namespaces, as files in `directory`. */
export function makeNamespaces(directory: string, count: number): string[] {
  mkdirSync(directory, { recursive: true });
  return Array.from({ length: count }, (_, index) => {
    const file = join(directory, `netns-${index}`);
    writeFileSync(file, '');
    const { error, status, stderr } = spawnSync('unshare', [`--net=${file}`, 'true'], { encoding: 'utf8' });
    if (error || status !== 0) throw new Error(`no network namespace at ${file}: ${error?.message ?? stderr}`);
    return file;
  });
}

/**
 * Installs the plugins of one directory in another, as new files. A kernel that reclaims what hasn't been read for a while (DAMON) reads a program
 * back page by page, and then maps it so: its age would be measured, of a large program more than of a small one.
 */
export function installAnew(from: string, to: string): string {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), copy);
    else if (entry.isFile()) writeFileSync(copy, readFileSync(source), { mode: 0o755 });
  }
  return to;
}

const installed = '/usr/lib/cni';

/**
 * The directory of the plugins to compare with: the one that is asked for, or where set-up has unpacked Debian's, which belong into
 * /usr/lib/cni, if that is asked for and holds none.
 */
export function referenceDirectory(asked: string, unpacked: string): string {
  const has = (directory: string) => ['bridge', 'host-local'].every((plugin) => existsSync(join(directory, plugin)));
  if (has(asked)) return asked;
  if (asked === installed && has(unpacked)) return unpacked;
  throw new InvalidArgumentError(`${asked} doesn't hold the plugins bridge and host-local.`);
}
