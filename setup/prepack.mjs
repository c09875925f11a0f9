// Run by npm in a package's folder before it is packed: builds it anew and puts in what npm takes from the folder alone.
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build-packages.mjs';
import { root } from './paths.mjs';
import { reportFailure } from './report-failure.mjs';

async function prepack(folder) {
  const { files = [] } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  // Output of sources that are gone would be packed too.
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
  await build([folder]);
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  if (files.includes('proto')) cpSync(join(root, 'proto'), join(folder, 'proto'), { recursive: true });
}

await prepack(process.cwd()).catch(reportFailure);
