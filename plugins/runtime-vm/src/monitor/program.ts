import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Tail } from './tail.ts';

/** How a program ended. */
export interface ProgramEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface ProgramOptions {
  /** As errors name it: `QEMU`. */
  name: string;
  pidFile: string;
}

/** A program of this process, killed by it at the latest. */
export class Program {
  readonly name: string;
  /** Never rejects. */
  readonly ended: Promise<ProgramEnd>;
  readonly stdout: Readable;
  /** What it said last of its own troubles. */
  readonly errors = new Tail();
  readonly #child: ChildProcess;

  constructor(command: string[], { name, pidFile }: ProgramOptions) {
    const [program = '', ...args] = command;
    this.name = name;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
    this.#child = child;
    this.stdout = child.stdout;
    this.errors.read(child.stderr);
    this.ended = endOf(child, this.errors);
    try {
      if (child.pid !== undefined) writeFileSync(pidFile, String(child.pid), { mode: 0o600 });
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** `QEMU was killed by SIGKILL`, `virtiofsd ended with status 1: its last words`. */
  describe({ code, signal }: ProgramEnd): string {
    if (signal !== null) return `${this.name} was killed by ${signal}`;
    return `${this.name} ended with status ${code}${this.errors.last === '' ? '' : `: ${this.errors.last}`}`;
  }
}

async function endOf(child: ChildProcess, errors: Tail): Promise<ProgramEnd> {
  const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
  child.once('error', (error) => {
    errors.push(error.message);
    resolve({ code: 127, signal: null });
  });
  // Not at `exit`: what it printed last has to be read first.
  child.once('close', (code, signal) => resolve({ code, signal }));
  return promise;
}
