import type { CaseReport, Result } from '@berth/conformance/suite';
import { createLogUpdate } from 'log-update';
import picocolors from 'picocolors';

const marks: Record<Result, string> = {
  passed: picocolors.green('✓'),
  failed: picocolors.red('✗'),
  skipped: picocolors.yellow('-'),
};

/** Shows a run: a line for each case that has ended and, on a terminal, below them how far it is and what runs. */
export class CaseProgress {
  readonly #output: NodeJS.WriteStream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #total: number;
  readonly #running = new Set<string>();
  readonly #counts: Record<Result, number> = { passed: 0, failed: 0, skipped: 0 };

  constructor(output: NodeJS.WriteStream, total: number) {
    this.#output = output;
    this.#update = createLogUpdate(output);
    this.#total = total;
  }

  started(id: string): void {
    this.#running.add(id);
    this.#show();
  }

  ended({ id, result, reason, ms }: CaseReport): void {
    this.#running.delete(id);
    this.#counts[result]++;
    if (this.#output.isTTY) this.#update.clear();
    const why = reason === undefined ? '' : `\n    ${result === 'failed' ? reason : picocolors.dim(reason)}`;
    this.#output.write(`${marks[result]} ${id} ${picocolors.dim(`${ms} ms`)}${why}\n`);
    this.#show();
  }

  /** Takes the live lines away. */
  done(): void {
    if (this.#output.isTTY) this.#update.clear();
  }

  #show(): void {
    if (!this.#output.isTTY) return;
    const { passed, failed, skipped } = this.#counts;
    const failures = failed > 0 ? picocolors.red(`${failed} failed`) : '0 failed';
    this.#update(`${passed + failed + skipped}/${this.#total}  ${failures}  ${picocolors.dim([...this.#running].join('  '))}`);
  }
}
