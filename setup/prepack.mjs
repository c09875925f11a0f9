// Run by npm in a package's folder before it is packed: builds it anew and puts in what npm takes from the folder alone.
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.mjs';
import { node, root } from './paths.mjs';

const folder = process.cwd();
const { files = [] } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

// Output of sources that are gone would be packed too.
rmSync(join(folder, 'dist'), { recursive: true, force: true });
await command(existsSync(node) ? node : process.execPath, [join(root, 'node_modules/tsc7/bin/tsc'), '--build', folder]);
cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
if (files.includes('proto')) cpSync(join(root, 'proto'), join(folder, 'proto'), { recursive: true });
