// The Linux programs: the host's own where they are new enough, else those of Debian's packages, unpacked and not installed.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unpackPackages } from '../debian/apt.mjs';
import { findOnHost, fingerprint, suitableOnHost } from '../debian/host-tool.mjs';
import { linkHostTool, linkUnpackedTool } from '../debian/link-tool.mjs';
import { machinePackages, testPackages, tools } from '../debian/tool-table.mjs';
import { debianDirectory, toolsDirectory } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { readStamp, removeStamp, writeStamp } from '../stamp.mjs';

/** Who needs tools; each needs those of the ones before it too. */
const users = ['node', 'machines', 'tests'];

const titles = { node: 'Linux tools', machines: 'Linux tools, QEMU too', tests: 'Linux tools, QEMU and those of the tests too' };

/** Names the last user whose tools are in: a later set-up that needs fewer of them keeps them. */
const userStamp = 'linux-tools-user';

/** @param {{ tests: boolean, machines: boolean }} needs @returns {import('../run-steps.mjs').Step} */
export function linuxTools({ tests, machines }) {
  const level = Math.max(tests ? 2 : machines ? 1 : 0, users.indexOf(readStamp(userStamp) ?? 'node'));
  const user = users[level];
  const wanted = tools.filter((tool) => users.indexOf(tool.neededBy) <= level);
  const extraPackages = [...(level >= 1 ? machinePackages : []), ...(level >= 2 ? testPackages : [])];
  const required = tools.filter((tool) => tool.neededBy === 'node' || (machines && tool.neededBy === 'machines'));
  return {
    name: 'linux-tools',
    title: titles[user],
    inputs: () => [JSON.stringify([wanted, extraPackages]), debianDirectory, ...wanted.map((tool) => fingerprint(tool.name))],
    outputs: [toolsDirectory],
    run: async () => {
      removeStamp(userStamp);
      const outcome = await provide(wanted, required, extraPackages);
      writeStamp(userStamp, user);
      return outcome;
    },
  };
}

async function provide(wanted, required, extraPackages) {
  const onHost = new Map(wanted.map((tool) => [tool.name, suitableOnHost(tool)]));
  const lacking = wanted.filter((tool) => onHost.get(tool.name) === undefined);
  const { downloaded, missing } = await unpack([...new Set([...lacking.map((tool) => tool.package), ...extraPackages])]);
  refuse(
    lacking.filter((tool) => required.includes(tool) && missing.has(tool.package)),
    missing,
  );
  rmSync(toolsDirectory, { recursive: true, force: true });
  mkdirSync(toolsDirectory, { recursive: true });
  for (const tool of wanted) {
    const link = join(toolsDirectory, tool.name);
    const host = onHost.get(tool.name);
    if (host !== undefined) linkHostTool(host, link);
    else if (!missing.has(tool.package)) await linkUnpackedTool(tool, link);
  }
  const notes = [...missing].map(([name, reason]) => `Debian's package ${name} can't be had, tests that need it are skipped: ${reason}`);
  return { downloaded, notes };
}

/** @returns {Promise<{ downloaded: number, missing: Map<string, string> }>} */
async function unpack(packages) {
  if (packages.length === 0) return { downloaded: 0, missing: new Map() };
  const lacksApt = ['apt-get', 'dpkg-deb'].find((name) => findOnHost(name) === undefined);
  if (lacksApt)
    return { downloaded: 0, missing: new Map(packages.map((name) => [name, `this machine has no ${lacksApt} to fetch it with`])) };
  const target = `${debianDirectory}.new`;
  rmSync(target, { recursive: true, force: true });
  const outcome = await unpackPackages(findOnHost('patchelf') ? packages : [...packages, 'patchelf'], target);
  rmSync(debianDirectory, { recursive: true, force: true });
  renameSync(target, debianDirectory);
  return outcome;
}

function refuse(tools, reasons) {
  if (tools.length === 0) return;
  const lines = tools.map((tool) => {
    const version = tool.minimum ? ` ${tool.minimum} or newer` : '';
    const kind = tool.static ? ' (statically linked)' : '';
    return `  ${tool.name}${version}${kind}: ${reasons.get(tool.package)}`;
  });
  const cure =
    'Install them with your distribution\'s packages so that they are on PATH, or run "npm start -- --runtime fake", which needs none.';
  throw new SetupError(`the node needs programs that this machine lacks:\n${lines.join('\n')}\n${cure}`);
}
