import { join } from 'node:path';
import { command } from './command.mjs';
import { node, root } from './paths.mjs';
import { setUp } from './set-up.mjs';

/**
 * Builds what is published of each folder, and of what it refers to. The compiler comes with what the tests need, so that is set up
 * where only a node ran so far; progress goes to standard error, since `npm pack` answers on standard output.
 * @param {string[]} folders
 */
export async function build(folders) {
  await setUp({ tests: true, containers: false, output: process.stderr });
  await command(node, [join(root, 'node_modules/tsc7/bin/tsc'), '--build', ...folders]);
}
