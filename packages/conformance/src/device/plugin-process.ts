import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { limitWithinCase } from '../case-scope.ts';
import { lastLines } from './last-lines.ts';
import { type CommandLine, directoryVariable } from './plugin-command.ts';

const outputKept = 4_000;
const outputShown = 2_000;
const pollMs = 20;
/** How long what was killed may take to go. */
const dyingMs = 5_000;

/** The processes of a plugin's command, from its start until all of them are gone. */
export class PluginProcess {
  readonly #process: ChildProcess;
  readonly #marker: string;
  /** Aborted when the first process has ended, and all of its group. */
  readonly #ended = new AbortController();
  #output = '';

  constructor({ program, parameters, env }: CommandLine) {
    this.#marker = `${directoryVariable}=${env[directoryVariable]}`;
    this.#process = spawn(program, parameters, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-outputKept);
      });
    }
    this.#process.once('error', (error) => {
      this.#output += error.message;
      this.#ended.abort();
    });
    this.#process.once('exit', () => void this.#groupEnds());
  }

  /** Aborted when the command has ended. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** How it ended, and the last that it said, for messages. */
  get lastWords(): string {
    const { exitCode, signalCode } = this.#process;
    const how = this.#ended.signal.aborted ? [`the command ended with ${signalCode ?? exitCode}`] : [];
    const said = lastLines(this.#output.trim(), outputShown);
    return [...how, ...(said === '' ? [] : [`it said: ${said}`])].join('; ');
  }

  /** Sends a signal to all of the command, as a service manager does. */
  signal(name: NodeJS.Signals): void {
    if (this.#process.pid !== undefined) signalIfThere(-this.#process.pid, name);
  }

  /** Whether the command ends within that time. */
  async endsWithin(limitMs: number): Promise<boolean> {
    if (!this.ended.aborted) await once(this.ended, 'abort', { signal: limitWithinCase(limitMs) }).catch(() => undefined);
    return this.ended.aborted;
  }

  /** The processes that the command has started and that are still there after that time; they are known by their environment, on Linux. */
  async leftAfter(limitMs: number): Promise<string[]> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const left = this.#members();
      if (left.length === 0 || performance.now() > deadline) return left.map((pid) => `process ${pid} (${commandOf(pid)})`);
      await sleep(pollMs);
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.endsWithin(dyingMs);
    for (const pid of this.#members()) signalIfThere(pid, 'SIGKILL');
  }

  /** A shell that runs the plugin may end before it. */
  async #groupEnds(): Promise<void> {
    while (processes().some((pid) => this.#isInGroup(pid))) await sleep(pollMs);
    this.#ended.abort();
  }

  #members(): number[] {
    return processes().filter((pid) => this.#isInGroup(pid) || read(`/proc/${pid}/environ`).split('\0').includes(this.#marker));
  }

  /** The group is the third field behind the name of the program, which has parentheses around it; the first is the state (proc_pid_stat(5)). */
  #isInGroup(pid: number): boolean {
    const stat = read(`/proc/${pid}/stat`);
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(group) === this.#process.pid && state !== 'Z';
  }
}

/** All processes of this host, on Linux. */
function processes(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** `pid` may be gone. */
function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // All of it has ended.
  }
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

/** A process may end while it is looked at, and others' may not be looked at. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
