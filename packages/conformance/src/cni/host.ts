import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { withCleanUp } from '../with-clean-up.ts';
import type { Execution } from './execution.ts';
import type { CaseExecution, Executor } from './executor.ts';
import { Holder } from './holder.ts';

/** What flanneld would have said of the host. */
export const subnetFile = '/run/flannel/subnet.env';

/** The interface that a host has before any plugin runs: what `master` of a configuration can name. */
export const uplink = 'uplink0';

const firstNamespace = 'container-1';

/** The end of a holder's script: `read` fails when there is nothing more. */
const untilInputEnds = 'echo ready; while read -r line; do :; done';

/**
 * What makes new network and mount namespaces look like a host: empty /run, a /var/lib whose changes go with it, an interface to the
 * outside with a default route, a subnet of flannel's, and a network namespace for the container that nearly every case has. The last line ends
 * when its standard input does, and with it all of this. As few programs as can be: a run has hundreds of hosts.
 */
const hostScript = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/changes/upper /run/changes/work /run/netns ${dirname(subnetFile)}
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/changes/upper,workdir=/run/changes/work overlay /var/lib
mount -t sysfs sysfs /sys
ip -batch - << END
link set dev lo up
link add name ${uplink} type veth peer name switch0
link set dev switch0 up
link set dev ${uplink} up
address add 192.0.2.10/24 dev ${uplink}
route add default via 192.0.2.1
netns add ${firstNamespace}
END
echo 'FLANNEL_NETWORK=10.88.0.0/16
FLANNEL_SUBNET=10.88.9.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=false' > ${subnetFile}
${untilInputEnds}`;

const startLimitMs = 20_000;
/** How long what was killed may take to go. */
const dyingMs = 2_000;
const lookEachMs = 20;

/**
 * A host to run plugins on: network and mount namespaces of its own, so that the real host stays as it is and two hosts don't know of each
 * other. Needs root. What happens in it ends with it, also when this process is killed.
 */
export class TestHost {
  readonly #holder: Holder;
  readonly #executor: Executor;
  readonly #executing = new Set<Promise<Execution>>();
  readonly #ending = new AbortController();
  /** Something on it was killed by the suite. */
  #killed = false;
  #containers = 0;
  #numbers = 0;

  private constructor(executor: Executor, holder: Holder) {
    this.#executor = executor;
    this.#holder = holder;
  }

  /** The process that keeps the namespaces. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** Multiplies what waits for something on it. */
  get timeFactor(): number {
    return this.#executor.timeFactor;
  }

  static async begin(executor: Executor): Promise<TestHost> {
    const parameters = ['--mount', '--net', '--propagation', 'private', '--', 'sh', '-c', hostScript];
    try {
      return new TestHost(executor, await Holder.begin('unshare', parameters, startLimitMs * executor.timeFactor));
    } catch (error) {
      throw PluginError.from(error, 'FAILED_PRECONDITION', {
        object: 'namespaces for a test host',
        hint: 'run as root, with unshare, nsenter, mount and ip on PATH',
      });
    }
  }

  /** The command line that runs a program in this host. */
  inside(program: string, ...parameters: string[]): [program: string, parameters: string[]] {
    return ['nsenter', ['--target', String(this.pid), '--mount', '--net', '--', program, ...parameters]];
  }

  /** Executes a program in this host. */
  async execute(program: string, parameters: string[], { signal, ...execution }: Omit<CaseExecution, 'command'>): Promise<Execution> {
    const command = this.inside(program, ...parameters);
    const signals = [this.#ending.signal, ...(signal ? [signal] : [])];
    const executing = this.#executor.execute({ ...execution, command, signal: AbortSignal.any(signals) });
    this.#executing.add(executing);
    try {
      const ended = await executing;
      this.#killed ||= ended.status === null;
      return ended;
    } finally {
      this.#executing.delete(executing);
    }
  }

  /** What a tool prints in this host. Throws if it fails. */
  async tool(program: string, ...parameters: string[]): Promise<string> {
    return this.#run(program, parameters);
  }

  /** Runs commands of iproute2 in order, `link add ...`, in the network namespace at that path or in the host's own. */
  async ipBatch(commands: string[], netns?: string): Promise<void> {
    await this.#ip([], commands, netns);
  }

  /** What commands of iproute2 that show something print: a list for each. */
  async ipShow(commands: string[], netns?: string): Promise<unknown[][]> {
    const shown = await this.#ip(['-json'], commands, netns);
    return shown.split('\n').flatMap((line) => (line.startsWith('[') ? [JSON.parse(line) as unknown[]] : []));
  }

  async #ip(options: string[], commands: string[], netns: string | undefined): Promise<string> {
    const namespace = netns === undefined ? [] : ['-netns', nameOf(netns)];
    return this.#run('ip', [...namespace, ...options, '-batch', '-'], `${commands.join('\n')}\n`);
  }

  async #run(program: string, parameters: string[], stdin = ''): Promise<string> {
    const { status, stdout, stderr } = await this.execute(program, parameters, { env: { PATH: process.env.PATH ?? '' }, stdin });
    if (status !== 0) throw new Error(`"${[program, ...parameters].join(' ')}" failed: ${stderr.trim() || `exit status ${status}`}`);
    return stdout;
  }

  /** Makes a network namespace, as for a container, and gives its path. */
  async addNamespace(): Promise<string> {
    const name = `container-${++this.#containers}`;
    if (name !== firstNamespace) await this.tool('ip', 'netns', 'add', name);
    return `/run/netns/${name}`;
  }

  async removeNamespace(path: string): Promise<void> {
    await this.tool('ip', 'netns', 'delete', nameOf(path));
  }

  /** Runs `work` while a process is in the network namespace at that path, and tells it the process's id. */
  async withProcess(netns: string, work: (pid: number) => Promise<void>): Promise<void> {
    const parameters = [`--net=${this.path(netns)}`, '--', 'sh', '-c', untilInputEnds];
    const process = await Holder.begin('nsenter', parameters, startLimitMs * this.timeFactor);
    await withCleanUp(
      () => work(process.pid),
      () => process.end(),
    );
  }

  /** A number that nothing else on this host has, from 1 on: for addresses and names. */
  nextNumber(): number {
    return ++this.#numbers;
  }

  /** A path of this host's mount namespace as this process reaches it. */
  path(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** Ends it. Gives the processes that ran in it yet, which it kills: plugins leave none. */
  async end(): Promise<string[]> {
    await this.#endExecutions();
    const left = this.#processes().map((pid) => {
      const commandLine = ifThere(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
        ?.replaceAll('\0', ' ')
        .trim();
      ifThere(() => process.kill(pid, 'SIGKILL'));
      return `process ${pid} (${commandLine})`;
    });
    await this.#holder.end();
    return left;
  }

  /** A case that fails may leave calls running that it made beside the failed one: they are the suite's, not what a plugin left behind. */
  async #endExecutions(): Promise<void> {
    this.#killed ||= this.#executing.size > 0;
    this.#ending.abort();
    await Promise.allSettled(this.#executing);
    if (!this.#killed) return;
    const deadline = performance.now() + dyingMs * this.timeFactor;
    while (this.#processes().length > 0 && performance.now() < deadline) await sleep(lookEachMs);
  }

  #processes(): number[] {
    const namespaceOf = (pid: number): string | undefined => ifThere(() => readlinkSync(`/proc/${pid}/ns/mnt`));
    const own = namespaceOf(this.pid);
    const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return all.map(Number).filter((pid) => pid !== this.pid && own !== undefined && namespaceOf(pid) === own);
  }
}

/** A process may end while it is looked at. */
function ifThere<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The name that iproute2 has for a network namespace, from its path. */
export function nameOf(netns: string): string {
  return netns.slice(netns.lastIndexOf('/') + 1);
}
