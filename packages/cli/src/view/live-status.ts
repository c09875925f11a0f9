import type { Pod } from '@berth/api/objects';
import { createLogUpdate } from 'log-update';
import picocolors from 'picocolors';
import { type ContainerLine, containerLines } from './container-lines.ts';
import { isLiveTerminal } from './terminal.ts';

/** Shows the state of every container: a live line each on a terminal, else a line per change. */
export class LiveStatus {
  readonly #output: NodeJS.WriteStream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #shown = new Map<string, string>();

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
    this.#update = createLogUpdate(output);
  }

  show(pods: Pod[]): void {
    const lines = pods.flatMap(containerLines);
    const width = Math.max(...lines.map((line) => name(line).length), 0);
    const texts = lines.map((line) => format(line, width));
    if (isLiveTerminal(this.#output)) this.#update(texts.join('\n'));
    else for (const [index, text] of texts.entries()) this.#printIfChanged(name(lines[index] as ContainerLine), text);
  }

  /** Leaves the last state standing and goes on below it. */
  done(): void {
    if (isLiveTerminal(this.#output)) this.#update.done();
  }

  #printIfChanged(key: string, text: string): void {
    if (this.#shown.get(key) === text) return;
    this.#shown.set(key, text);
    this.#output.write(`${text}\n`);
  }
}

function name(line: ContainerLine): string {
  return `${line.pod}/${line.container}`;
}

function format(line: ContainerLine, width: number): string {
  const restarts = line.restarts > 0 ? `, ${line.restarts} restart${line.restarts > 1 ? 's' : ''}` : '';
  return `  ${mark(line)} ${name(line).padEnd(width)}  ${line.state.padEnd(7)}  ${line.detail}${restarts}`;
}

function mark(line: ContainerLine): string {
  if (line.failed) return picocolors.red('✗');
  if (line.ready || line.state === 'ended') return picocolors.green('✓');
  return picocolors.yellow('•');
}
