import type { CommitOptions } from '@berth/shim/image/store';
import { Command, Option } from 'commander';
import { interruptible } from '../interruptible.ts';
import { openedStore } from './opened-store.ts';

interface Options {
  namespace: string;
  author?: string;
  message?: string;
  change: string[];
}

/** `berth image commit CONTAINER NAME`: prints the new image's id. */
export function imageCommitCommand(): Command {
  return new Command('commit')
    .description(
      'make an image of what a container, running or ended, wrote above its own; volumes, command and environment of the pod stay out',
    )
    .argument('<pod/container>', 'POD/CONTAINER, POD with one container, or the id of a container')
    .argument('<name>', 'name of the new image')
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .option('-a, --author <author>', 'who made it')
    .option('-m, --message <message>', 'what it is about')
    .addOption(changeOption())
    .addHelpText(
      'after',
      '\nThe container is not paused: a file that it writes to meanwhile may come in half, as after a power cut. Stop the program, or let it\nsync, where that matters.',
    )
    .action(async (container: string, name: string, options: Options, command: Command) => {
      const { namespace, author, message, change: changes } = options;
      const commitOptions: CommitOptions = { ...(author !== undefined && { author }), ...(message !== undefined && { message }), changes };
      const store = openedStore(command);
      await interruptible(async (signal) => {
        process.stdout.write(`${await store.commit({ container, namespace }, name, commitOptions, signal)}\n`);
      });
    });
}

/** Given once for each instruction. */
function changeOption(): Option {
  return new Option('-c, --change <instruction>', 'CMD, ENTRYPOINT, ENV, LABEL, USER, WORKDIR or STOPSIGNAL as a Dockerfile has them')
    .argParser((instruction: string, before: string[]) => [...before, instruction])
    .default([], 'none');
}
