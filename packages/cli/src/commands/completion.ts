import tabtab from '@pnpm/tabtab';
import { Argument, Command } from 'commander';
import { candidates } from '../completion/candidates.ts';
import { nodeValues } from '../completion/node-values.ts';
import { readTyped, words } from '../completion/typed-line.ts';

/** `berth completion SHELL`: prints the script that makes a shell ask `berth completion-server` at each Tab. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print the completion script of a shell: source <(berth completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices([...tabtab.SUPPORTED_SHELLS]))
    .action(async (shell: (typeof tabtab.SUPPORTED_SHELLS)[number]) => {
      process.stdout.write(await tabtab.getCompletionScript({ name: 'berth', completer: quoted(ownPath()), shell }));
    });
}

/** `berth completion-server`: prints what the word at the cursor may become, as the script of `berth completion` reads it. */
export function completionServerCommand(): Command {
  return new Command('completion-server').argument('[words...]').action(async (_words: unknown, _options: unknown, command: Command) => {
    const shell = tabtab.getShellFromEnv(process.env);
    const [, ...typed] = words(tabtab.parseEnv(process.env).partial);
    const found = await candidates(readTyped(command.parent as Command, typed), nodeValues);
    if (found !== 'files') tabtab.log(found, shell);
    // Bash completes the names of files by itself where there is no other answer.
    else if (shell !== 'bash') tabtab.logFiles();
  });
}

/** The script asks the very berth that printed it, whatever PATH says; bin/berth tells its path, a package's is run as it is. */
function ownPath(): string {
  return process.env.BERTH_PROGRAM ?? process.argv[1] ?? 'berth';
}

function quoted(path: string): string {
  return /^[\w/.@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
