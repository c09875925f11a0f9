import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cniDirectory } from '../../setup/paths.mjs';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { repository } from '../fixtures/tools.ts';

const debian = join(repository, '.cache/debian/usr/lib/cni');

/** A node on an example's network, which has a bridge, a subnet and a store that nobody else has. */
function nodeOn(example: string, index: number, binDirs: string[]): BerthHome {
  const home = new BerthHome();
  const subnet = `10.${232 + index}.${process.pid % 256}.0/24`;
  const network = JSON.parse(readFileSync(join(repository, `examples/cni/${example}.conflist`), 'utf8'));
  const [bridge] = network.plugins;
  bridge.bridge = home.name;
  Object.assign(bridge.ipam, { ranges: [[{ subnet }]], dataDir: join(home.directory, 'addresses') });
  const confDir = join(home.directory, 'net.d');
  mkdirSync(confDir);
  home.write(`net.d/10-${example}.conflist`, JSON.stringify(network));
  home.configure({ cni: { confDir, binDirs, bridge: home.name, subnet }, cgroupRoot: `/${home.name}` });
  return home;
}

/** The plugins' executables that were called, in order. */
function called(stdout: string): string[] {
  const calls = JSON.parse(stdout) as { method: string; execution: { file: string } }[];
  return calls.filter(({ method }) => method === 'ADD').map(({ execution }) => execution.file);
}

describe('the networks of examples/cni', () => {
  let before: HostState;
  /** Debian's host-local, and no other plugin of Debian's. */
  let mixed: string;

  beforeAll(() => {
    before = readHostState();
    mixed = mkdtempSync(join(tmpdir(), 'berth-cni-mixed-'));
    symlinkSync(join(debian, 'host-local'), join(mixed, 'host-local'));
  });
  afterAll(() => rmSync(mixed, { recursive: true }));
  beforeEach(skipIfMissing(nodeMissing));

  it.concurrent.for([
    { example: 'ours', index: 0, plugins: [join(cniDirectory, 'bridge'), join(cniDirectory, 'portmap')] },
    { example: 'reference', index: 1, plugins: [join(debian, 'bridge'), join(debian, 'portmap')] },
    { example: 'mixed', index: 2, plugins: [join(cniDirectory, 'bridge'), join(debian, 'tuning'), join(cniDirectory, 'portmap')] },
  ])('$example: a pod serves its page', async ({ example, index, plugins }, { onTestFinished }) => {
    const binDirs = { ours: [cniDirectory], reference: [debian], mixed: [mixed, cniDirectory, debian] }[example] ?? [];
    const home = nodeOn(example, index, binDirs);
    onTestFinished(() => home.remove());
    expect(await home.berth('cni', 'validate')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(new RegExp(` ${example} +used `)),
    });
    const node = home.start(['run', '--image', exampleImage, '-f', join(repository, 'examples/sidecar.yaml')]);
    await node.says(/the node goes on/);
    const [pod] = JSON.parse((await home.berth('ps', '-o', 'json')).stdout) as { status: { podIP: string } }[];
    expect(await (await fetch(`http://${pod?.status.podIP}/`)).text()).toContain('<h1>Berth</h1>');
    expect(called((await home.berth('trace', 'sidecar', '--cni', '-o', 'json')).stdout)).toEqual(plugins);
    expect((await home.berth('trace', 'sidecar', '--cni')).stdout).toMatch(
      /^cni bridge ADD eth0 .*\n.*: exit status 0\n {2}environment:\n/,
    );
    expect((await node.interrupt()).status).toBe(0);
  });

  it('leave the host as it was', () => expectHostState(before));
});

describe('berth cni', () => {
  let home: BerthHome;
  beforeEach(() => {
    home = new BerthHome();
  });
  afterEach(() => home.remove());

  it('takes the variables of cnitool, and tells what is wrong in one line and by its exit status', async () => {
    mkdirSync(join(home.directory, 'net.d'));
    const broken = home.write('net.d/10-half.conflist', '{"name": "half"');
    const environment = { NETCONFPATH: join(home.directory, 'net.d'), CNI_PATH: '/nonexistent' };
    const berth = (...args: string[]) => home.start(['cni', ...args], { environment }).ended;
    expect(await berth('validate')).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/10-half.conflist +- +failed +is not JSON: /),
    });
    home.write('net.d/20-net.conflist', JSON.stringify({ cniVersion: '1.1.0', name: 'net', plugins: [{ type: 'absent' }] }));
    expect(await berth('status', 'net', '/run/netns/none')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'berth: CNI plugin absent, network net, STATUS: no such executable in /nonexistent; install absent there\n',
    });
    const unknown = await berth('add', 'half', '/run/netns/none');
    expect(unknown).toMatchObject({ status: 1, stdout: '' });
    expect(unknown.stderr).toMatch(new RegExp(`^berth: .*no usable CNI network named half; ${broken}: is not JSON: .*\n$`));
  });
});
