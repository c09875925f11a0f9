import picocolors from 'picocolors';

/** Whose manifests are told of. */
interface ManifestReader {
  sourceProblems(): string[];
  onChange(listener: () => void): () => void;
}

/** Tells what is wrong with the manifests, each problem once as long as it lasts. */
export class SourceProblems {
  readonly #output: NodeJS.WritableStream;
  #told: string[] = [];

  constructor(output: NodeJS.WritableStream) {
    this.#output = output;
  }

  /** Tells those that there are, and others as they come, until the returned function is called. */
  follow(node: ManifestReader): () => void {
    const tell = () => this.#show(node.sourceProblems());
    const end = node.onChange(tell);
    tell();
    return end;
  }

  #show(problems: string[]): void {
    for (const problem of problems) {
      if (!this.#told.includes(problem)) this.#output.write(`${picocolors.red('problem')} ${problem}\n`);
    }
    this.#told = problems;
  }
}
