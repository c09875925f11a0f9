import { PluginError } from '@berth/sdk/errors';
import type { MockKubeletEvent } from '@berth/sdk/mock-kubelet';
import picocolors from 'picocolors';
import { eventLine } from './event-line.ts';
import type { Answer, SessionContext } from './session-command.ts';
import { sessionCommands } from './session-commands.ts';

export type SessionOutput = 'text' | 'json';

interface SessionOptions extends SessionContext {
  output: SessionOutput;
  /** Prints a line: an answer, or with JSON also a failure. */
  print(line: string): void;
  /** Prints a failure, for people. */
  complain(line: string): void;
}

/** Commands for a mock kubelet, one after the other, and what they print. */
export class Session {
  readonly #options: SessionOptions;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Does what one line says; an empty one, or one that begins with "#", does nothing. `failed`: it couldn't; `quit`: that was the last one. */
  async take(line: string): Promise<'done' | 'failed' | 'quit'> {
    const [name = '', ...words] = line.trim().split(/\s+/);
    if (name === '' || name.startsWith('#')) return 'done';
    if (name === 'quit') return 'quit';
    try {
      this.#printAnswer(line.trim(), await this.#run(name, words));
      return 'done';
    } catch (thrown) {
      if (this.#options.signal.aborted) return 'quit';
      this.#printFailure(line.trim(), PluginError.from(thrown));
      return 'failed';
    }
  }

  async #run(name: string, words: readonly string[]): Promise<Answer> {
    const command = Object.hasOwn(sessionCommands, name) ? sessionCommands[name] : undefined;
    if (command) return command.run(words, this.#options);
    throw new PluginError('INVALID_ARGUMENT', 'there is no such command', {
      object: name,
      hint: `write one of ${Object.keys(sessionCommands).join(', ')}, quit`,
    });
  }

  #printAnswer(command: string, { result, lines }: Answer): void {
    if (this.#options.output === 'json') this.#options.print(JSON.stringify({ command, result }));
    else for (const line of lines) this.#options.print(line);
  }

  #printFailure(command: string, { code, message }: PluginError): void {
    if (this.#options.output === 'json') this.#options.print(JSON.stringify({ command, error: { code, message } }));
    else this.#options.complain(`${picocolors.red('failed')} ${message}`);
  }
}

/** An event as a line of either output. */
export function printedEvent(event: MockKubeletEvent, output: SessionOutput): string {
  return output === 'json' ? JSON.stringify(event) : eventLine(event);
}
