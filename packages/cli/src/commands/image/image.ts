import { Command } from 'commander';
import { imageCommitCommand } from './commit.ts';
import { imageLoadCommand } from './load.ts';
import { imageLsCommand } from './ls.ts';
import { imagePinCommand, imageUnpinCommand } from './pin.ts';
import { imagePruneCommand } from './prune.ts';
import { imagePullCommand } from './pull.ts';
import { imagePushCommand } from './push.ts';
import { imageRmCommand } from './rm.ts';
import { imageSaveCommand } from './save.ts';
import { imageTagCommand } from './tag.ts';

/** `berth image ...`: the node's image store, or that of any CRI server by --runtime-endpoint. */
export function imageCommand(): Command {
  const image = new Command('image')
    .description('the images of this node')
    .option('--runtime-endpoint <endpoint>', "a CRI server's images instead of those under ROOT/images (env CONTAINER_RUNTIME_ENDPOINT)");
  const commands = [
    imageLsCommand(),
    imagePullCommand(),
    imagePushCommand(),
    imageTagCommand(),
    imageCommitCommand(),
    imageSaveCommand(),
    imageLoadCommand(),
    imageRmCommand(),
    imagePinCommand(),
    imageUnpinCommand(),
    imagePruneCommand(),
  ];
  for (const command of commands) image.addCommand(command);
  return image;
}
