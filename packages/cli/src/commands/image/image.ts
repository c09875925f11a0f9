import { Command } from 'commander';
import { imageLoadCommand } from './load.ts';
import { imageLsCommand } from './ls.ts';
import { imagePullCommand } from './pull.ts';
import { imageRmCommand } from './rm.ts';

/** `berth image ...`: the node's image store, or that of any CRI server by --runtime-endpoint. */
export function imageCommand(): Command {
  const image = new Command('image')
    .description('the images of this node')
    .option('--runtime-endpoint <endpoint>', "a CRI server's images instead of those under ROOT/images (env CONTAINER_RUNTIME_ENDPOINT)");
  const commands = [imageLoadCommand(), imageLsCommand(), imageRmCommand(), imagePullCommand()];
  for (const command of commands) image.addCommand(command);
  return image;
}
