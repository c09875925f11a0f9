import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('process-runtime-main.ts', import.meta.url));

/** A shim as a process of its own, as a node runs it. */
export class ShimProcess {
  readonly #child: ChildProcess;
  readonly #printed: { stdout: string[]; stderr: string[] } = { stdout: [], stderr: [] };

  constructor(args: string[], env: Record<string, string> = {}, file: string = program) {
    this.#child = spawn(process.execPath, ['--conditions=berth-source', file, ...args], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      const from = this.#child[stream];
      if (from) createInterface({ input: from }).on('line', (line) => this.#printed[stream].push(line) && this.#child.emit('line'));
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string[] {
    return this.#printed.stdout;
  }

  get stderr(): string[] {
    return this.#printed.stderr;
  }

  /** Resolves when a line that matches has been printed; throws what was printed if it ends first. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = [...this.stdout, ...this.stderr].find((text) => pattern.test(text));
      if (line !== undefined) return line;
      if (this.#child.exitCode !== null) throw new Error(`ended: ${this.stderr.join('\n')}`);
      await Promise.race([once(this.#child, 'line'), once(this.#child, 'close')]);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Its exit status; null where a signal ended it. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
    return this.#child.exitCode;
  }
}
