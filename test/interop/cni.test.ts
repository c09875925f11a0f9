import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute } from '@berth/sdk/cni/execution';
import { CniRunner } from '@berth/sdk/cni/runner';
import type { NetworkConfigList, PluginConfig } from '@berth/sdk/cni/types';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Executor } from '../../packages/conformance/src/cni/executor.ts';
import { TestHost } from '../../packages/conformance/src/cni/host.ts';
import { hostState, linksOf } from '../../packages/conformance/src/cni/network-state.ts';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { referenceCniDirectory } from '../fixtures/containerd.ts';
import { expectHostState, readHostState } from '../fixtures/host-state.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { findOnPath, repository } from '../fixtures/tools.ts';

const ownDirectory = join(repository, '.cache/cni/bin');
const types = ['bridge', 'host-local', 'portmap'];

/** Directories for CNI_PATH, and which of the plugins in them are ours; all others are Debian's. Debian has no flannel. */
const mixes = {
  ours: types,
  "Debian's": [],
  'our bridge': ['bridge'],
  'our host-local': ['host-local'],
};
type Mix = keyof typeof mixes;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-cni-interop-'));
  const reference = referenceCniDirectory();
  if (reference === undefined) return;
  for (const [name, ours] of Object.entries<string[]>(mixes)) {
    mkdirSync(join(directory, name));
    for (const type of types) symlinkSync(join(ours.includes(type) ? ownDirectory : reference, type), join(directory, name, type));
    symlinkSync(join(ownDirectory, 'flannel'), join(directory, name, 'flannel'));
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

const binDir = (mix: Mix) => join(directory, mix);

function missing(): string | undefined {
  const tools = ['iptables', 'ip6tables', 'nft', 'ip'].filter((tool) => !findOnPath(tool));
  if (tools.length > 0) return `not on PATH: ${tools.join(', ')}`;
  return nodeMissing() ?? (referenceCniDirectory() ? undefined : 'the reference CNI plugins are missing');
}

describe('one chain, by different plugins', () => {
  let executor: Executor;
  let host: TestHost;
  beforeEach(skipIfMissing(missing));
  beforeAll(async () => {
    if (missing() !== undefined) return;
    executor = new Executor();
    host = await TestHost.begin(executor);
    // What plugins leave on purpose, bridges and chains without rules of containers, is there before the first case looks.
    for (const chain of Object.values(chains)) await attachAndDetach(chain, 'ours', "Debian's");
    await attachAndDetach(chains.bridge, "Debian's", 'ours');
  });
  afterAll(async () => {
    if (missing() !== undefined) return;
    expect(await host.end()).toEqual([]);
    executor.close();
  });

  // Debian's plugins know iptables only.
  const portmap = { type: 'portmap', capabilities: { portMappings: true }, backend: 'iptables' };
  const bridge = { type: 'bridge', bridge: 'mixed0', isGateway: true, ipMasq: true, ipMasqBackend: 'iptables', hairpinMode: true };
  const ranges = [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]];
  const list = (name: string, ...plugins: PluginConfig[]): NetworkConfigList => {
    const config = { cniVersion: '1.0.0', name, disableCheck: false, disableGC: false, plugins };
    return { ...config, text: JSON.stringify(config) };
  };
  const chains = {
    bridge: list('mixed', { ...bridge, ipam: { type: 'host-local', ranges, routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] } }, portmap),
    flannel: list('cbr0', { type: 'flannel', delegate: { bridge: 'mixed1', ipMasqBackend: 'iptables' } }, portmap),
  };

  const runner = (mix: Mix) =>
    new CniRunner({
      pluginDirs: [binDir(mix)],
      cacheDir: join(directory, 'cache'),
      execute: (input, limits) =>
        execute(input, {
          ...limits,
          start: (file, env) => {
            const [program, parameters] = host.inside(file);
            return spawn(program, parameters, { env: { ...process.env, ...env }, stdio: 'pipe', detached: true });
          },
        }),
    });

  const portMappings = [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostPort: 5353, containerPort: 53, protocol: 'udp', hostIP: '127.0.0.1' },
  ];

  /** ADD by one side and DEL by the other; `between` sees the container attached. */
  async function attachAndDetach(chain: NetworkConfigList, adds: Mix, deletes: Mix, between = async (): Promise<void> => undefined) {
    const netns = await host.addNamespace();
    const attachment = { containerId: `c-${netns.split('-').at(-1)}`, netns, ifName: 'eth0', capabilityArgs: { portMappings } };
    await runner(adds).add(chain, attachment);
    await between();
    await runner(deletes).del(chain, attachment);
    expect((await linksOf(host, netns)).map(({ ifname }) => ifname)).toEqual(['lo']);
    await runner(deletes).del(chain, attachment);
    await host.removeNamespace(netns);
  }

  it.each<[chain: keyof typeof chains, adds: Mix, deletes: Mix]>([
    ['bridge', 'ours', "Debian's"],
    ['bridge', "Debian's", 'ours'],
    ['bridge', 'our bridge', 'our host-local'],
    ['bridge', 'our host-local', 'our bridge'],
    ['flannel', 'ours', "Debian's"],
    ['flannel', "Debian's", 'ours'],
  ])('%s: what %s add, %s delete, and nothing is left', async (chain, adds, deletes) => {
    const before = await hostState(host);
    await attachAndDetach(chains[chain], adds, deletes, async () => {
      const attached = (await hostState(host)).filter((line) => !before.includes(line)).join('\n');
      expect(attached).toMatch(/^file .*\/10\.(77\.0|88\.9)\.\d+$/m);
      expect(attached).toMatch(/CNI-DN-/);
    });
    expect(await hostState(host)).toEqual(before);
  });

  it.each<[adds: Mix, checks: Mix, plugins: PluginConfig[]]>([
    // Debian's portmap looks for rules of IPv6 where there is none.
    ['ours', "Debian's", [{ ...bridge, ipam: { type: 'host-local', ranges: ranges.slice(0, 1) } }]],
    ["Debian's", 'ours', chains.bridge.plugins],
  ])('what %s added, %s find whole', async (adds, checks, plugins) => {
    const netns = await host.addNamespace();
    const chain = list('checked', ...plugins);
    const attachment = { containerId: 'checked', netns, ifName: 'eth0', capabilityArgs: { portMappings } };
    await runner(adds).add(chain, attachment);
    await runner(checks).check(chain, attachment);
    await runner(checks).del(chain, attachment);
  });
});

describe('an example', () => {
  beforeEach(skipIfMissing(missing));

  it("runs on nodes with our bridge, or our host-local, in chains of Debian's plugins", async () => {
    const before = readHostState();
    await Promise.all((['our bridge', 'our host-local'] as const).map(runExample));
    await expectHostState(before);
  });

  async function runExample(mix: Mix, index: number): Promise<void> {
    const bridge = `bmix${process.pid % 10_000}-${index}`;
    const home = new BerthHome({ cni: { bridge, subnet: `10.209.${77 + index}.0/24`, binDirs: [binDir(mix)] }, cgroupRoot: `/${bridge}` });
    const ended = await home.berth('run', '--once', '--image', exampleImage, '-f', join(repository, 'examples/sidecar.yaml'));
    home.remove();
    expect(ended).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('web: serving /www on port 80') });
    expect(ended.stdout).toMatch(/cni bridge ADD/);
  }
});
