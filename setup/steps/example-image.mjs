// The image of the examples, from a static busybox: no registry is needed to try them.
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { command } from '../command.mjs';
import { exampleImage, node, root, toolsDirectory } from '../paths.mjs';
import { contents } from '../stamp.mjs';

const script = join(root, 'examples', 'build-image.ts');

/** @type {import('../run-steps.mjs').Step} */
export const exampleImageStep = {
  name: 'example-image',
  title: 'image of the examples',
  inputs: () => contents([script, join(root, 'packages/conformance/src/image-builder.ts'), join(toolsDirectory, 'busybox')]),
  outputs: [exampleImage],
  run: async () => {
    mkdirSync(dirname(exampleImage), { recursive: true });
    const built = `${exampleImage}.new`;
    await command(node, ['--conditions=berth-source', script, join(toolsDirectory, 'busybox'), built], { cwd: root });
    renameSync(built, exampleImage);
    return undefined;
  },
};
