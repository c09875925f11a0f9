import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

interface CommandLinesOptions {
  input: Readable & { isTTY?: boolean };
  output: Writable & { isTTY?: boolean };
  /** Ends the lines. */
  signal: AbortSignal;
}

/** Lines that a person types at a prompt, or that a program gives: what is printed meanwhile comes above what is being typed. */
export class CommandLines {
  readonly #output: CommandLinesOptions['output'];
  readonly #interface: Interface;
  readonly #lines: AsyncIterable<string>;
  #hasPrompt: boolean;

  constructor({ input, output, signal }: CommandLinesOptions) {
    this.#output = output;
    this.#hasPrompt = input.isTTY === true && output.isTTY === true;
    this.#interface = createInterface({ input, signal, prompt: '> ', terminal: this.#hasPrompt, ...(this.#hasPrompt && { output }) });
    // From here on no line is missed.
    this.#lines = this.#interface[Symbol.asyncIterator]();
    // A terminal in raw mode gives Ctrl-C as a key.
    this.#interface.on('SIGINT', () => process.kill(process.pid, 'SIGINT')).on('close', () => this.#endPrompt());
  }

  /** Until the input ends, or the signal aborts. */
  async *lines(): AsyncGenerator<string, void> {
    this.#prompt();
    for await (const line of this.#lines) {
      yield line;
      this.#prompt();
    }
  }

  print(line: string): void {
    this.#clear();
    this.#output.write(`${line}\n`);
    this.#prompt();
  }

  /** Takes no more lines. What is printed from now on has no prompt below it. */
  close(): void {
    this.#interface.close();
  }

  #endPrompt(): void {
    this.#clear();
    this.#hasPrompt = false;
  }

  #clear(): void {
    if (!this.#hasPrompt) return;
    cursorTo(this.#output, 0);
    clearLine(this.#output, 0);
  }

  #prompt(): void {
    if (this.#hasPrompt) this.#interface.prompt(true);
  }
}
