import picocolors from 'picocolors';

/** Tells what is wrong with the manifests, each problem once as long as it lasts. */
export class SourceProblems {
  readonly #output: NodeJS.WriteStream;
  #told: string[] = [];

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  show(problems: string[]): void {
    for (const problem of problems) {
      if (!this.#told.includes(problem)) this.#output.write(`${picocolors.red('problem')} ${problem}\n`);
    }
    this.#told = problems;
  }
}
