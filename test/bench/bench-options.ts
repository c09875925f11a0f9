import { Command } from 'commander';

/** What every bench is told. */
export interface BenchOptions {
  /** Print one object instead of the table. */
  json?: boolean;
  /** Exit status 1 when a bar doesn't hold. */
  check?: boolean;
}

/**
 * Reads the command line of the bench `name`: its own options, which `declare` adds, and those of every bench. Ends the process with the
 * usage for `--help`, and with one line for what it can't read.
 */
export function benchOptions<Own extends object>(name: string, declare: (command: Command) => Command): Own & BenchOptions {
  return declare(new Command(`npm run bench -- ${name}`))
    .option('--json', 'print one JSON object')
    .option('--check', 'exit status 1 when a bar does not hold')
    .helpOption('-h, --help', 'show this')
    .allowExcessArguments(false)
    .parse()
    .opts<Own & BenchOptions>();
}
