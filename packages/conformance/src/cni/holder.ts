import { type ChildProcess, spawn } from 'node:child_process';

const endLimitMs = 5_000;

/** A process that keeps namespaces. Its program prints something once it is there, and ends when its standard input does: with this process. */
export class Holder {
  readonly pid: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, pid: number) {
    this.#process = process;
    this.pid = pid;
  }

  /** Throws what the program says where it isn't there in time. */
  static async begin(program: string, parameters: string[], limitMs: number): Promise<Holder> {
    // Ctrl-C ends the cases first, and they this.
    const holder = spawn(program, parameters, { detached: true });
    try {
      await ready(holder, limitMs);
      if (holder.pid === undefined) throw new Error('it has no process id');
      return new Holder(holder, holder.pid);
    } catch (error) {
      holder.kill('SIGKILL');
      throw error;
    }
  }

  /** Ends it, by force where it doesn't do so by itself. */
  async end(): Promise<void> {
    const { exitCode, signalCode, stdin } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), endLimitMs);
    stdin?.end();
    await gone;
    clearTimeout(timer);
  }
}

async function ready(holder: ChildProcess, limitMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  holder.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  holder.stdout?.once('data', () => resolve());
  holder.once('error', reject).once('exit', (status) => reject(new Error(said.trim() || `it ended with ${status}`)));
  const timer = setTimeout(() => reject(new Error(`not there within ${limitMs / 1000} s`)), limitMs);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}
