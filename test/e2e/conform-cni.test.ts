import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '@berth/conformance/suite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome } from '../fixtures/berth.ts';
import { cniDirectories, cniMissing } from '../fixtures/cni-requirements.ts';
import { expectHostState, readHostState } from '../fixtures/host-state.ts';
import { skipIfMissing } from '../fixtures/node-requirements.ts';

const plugin = (name: string): string => join(cniDirectories.ours, name);

describe('berth conform cni', () => {
  let home: BerthHome;
  beforeEach((context) => {
    skipIfMissing(() => cniMissing('ours'))(context);
    home = new BerthHome();
  });
  afterEach(() => home?.remove());

  /** Our host-local with something before it. */
  function wrapper(line: string): string {
    const file = home.write('host-local', `#!/bin/sh\n${line}\nexec '${plugin('host-local')}'\n`);
    chmodSync(file, 0o755);
    return file;
  }

  const conform = (...args: string[]) => home.berth('conform', 'cni', ...args);

  it('judges a plugin, says with 0 that nothing failed, writes its reports, and leaves the host as it was', async () => {
    const before = readHostState();
    const files = Object.fromEntries(['json', 'junit', 'tap', 'html'].map((format) => [format, join(home.directory, `report.${format}`)]));
    const reports = Object.entries(files).flatMap(([format, file]) => ['--report', `${format}=${file}`]);
    const focus = '^(version\\.answer|add\\.interface|del\\.twice|gc\\.interface-names|environment\\.ifname-slash)$';
    const { status, stdout } = await conform('--plugin', plugin('bridge'), '--focus', focus, ...reports);
    expect(stdout).toContain('it is about ipam plugins, and this is of kind main: gc.interface-names');
    expect(stdout).toMatch(/4 passed, 0 failed, 1 skipped; 3 of 6 verbs and \d+ of 45 variables and keys covered/);
    expect(status).toBe(0);
    const { suite, summary, leftBehind } = JSON.parse(readFileSync(files.json ?? '', 'utf8')) as Report;
    expect({ suite, leftBehind }).toEqual({ suite: 'cni' });
    expect(summary).toMatchObject({ passed: 4, failed: 0, skipped: 1, rpcsCovered: 3, rpcsTotal: 6 });
    expect(readFileSync(files.junit ?? '', 'utf8')).toContain('<testsuite name="cni.add" tests="1"');
    expect(readFileSync(files.tap ?? '', 'utf8')).toContain('# verbs covered: 3 of 6');
    expect(readFileSync(files.html ?? '', 'utf8')).toContain('verbs covered');
    await expectHostState(before);
  });

  it('exits with 1 when a case fails, and says why', async () => {
    const broken = wrapper('[ "$CNI_COMMAND" = DEL ] && exit 0');
    const { status, stdout } = await conform('--plugin', broken, '--focus', '^del\\.address-reusable$');
    expect(stdout).toMatch(/failed:\n {2}del\.address-reusable: ADD ended with 1: .*no free address left/);
    expect(status).toBe(1);
  });

  it('judges a plugin of a chain by a list, on what the plugins before it have made', async () => {
    const ipam = { type: 'host-local', ranges: [[{ subnet: '10.77.0.0/24' }]] };
    const portMappings = [{ hostPort: 8090, containerPort: 80, protocol: 'tcp' }];
    const plugins = [
      { type: 'bridge', bridge: 'own0', ipam },
      { type: 'portmap', capabilities: { portMappings: true }, runtimeConfig: { portMappings } },
    ];
    const list = home.write('net.conflist', JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins }));
    const { status, stdout } = await conform(
      '--plugin',
      plugin('portmap'),
      '--config',
      list,
      '--focus',
      '^(chain\\.prev-result|add\\.rules)$',
    );
    expect(stdout).toContain('2 passed, 0 failed, 0 skipped');
    expect(status).toBe(0);
  });

  it('ends what runs on Ctrl-C, a plugin that hangs too, and says what was not judged', async () => {
    const hanging = wrapper('[ "$CNI_COMMAND" = DEL ] && sleep 300');
    const focus = '^(del\\.never-added|version\\.answer)$';
    const running = home.start(['conform', 'cni', '--plugin', hanging, '--focus', focus]);
    await running.says(/✓ version\.answer /);
    const { status, stdout } = await running.interrupt();
    expect(stdout).toContain('the run was interrupted: del.never-added');
    expect(status).toBe(130);
  });

  it('ends processes that a plugin has left behind, and names them', async () => {
    const leaving = wrapper('[ "$CNI_COMMAND" = DEL ] && sleep 321 < /dev/null > /dev/null 2>&1 &');
    const { status, stdout } = await conform('--plugin', leaving, '--focus', '^del\\.never-added$');
    expect(stdout).toMatch(/left behind: process \d+ \(sleep 321\)/);
    expect(stdout).toContain('1 passed, 0 failed');
    expect(status).toBe(1);
  });

  it('lists the cases and what each proves', async () => {
    const { status, stdout } = await conform('--plugin', '/no/such/plugin', '--list', '--focus', '^del\\.twice');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^CASE +CLAUSE\ndel\.twice +DEL is idempotent/);
  });
});

/** Each is a process of its own, which is not to get as far as an interface. */
describe('berth conform cni refuses', () => {
  let home: BerthHome;
  beforeEach(skipIfMissing(() => cniMissing('ours')));
  beforeAll(() => {
    home = new BerthHome();
  });
  afterAll(() => home.remove());

  it.concurrent.for<[args: string[], message: string]>([
    [[], "required option '--plugin <path>' not specified"],
    [['--plugin', '/no/such/plugin'], 'CNI plugin /no/such/plugin: there is no such file; name the executable file of a CNI plugin'],
    [['--plugin', '/bin/true', '--kind', 'main'], 'it has to answer VERSION'],
    [['--plugin', '/bin/true', '--kind', 'moon'], 'main, ipam, meta'],
    [['--plugin', plugin('bridge'), '--report', 'pdf=x'], 'FORMAT=FILE'],
  ])('%j', async ([args, message], { expect }) => {
    const { status, stdout, stderr } = await home.berth('conform', 'cni', ...args);
    expect(stderr).toContain(message);
    expect(stdout, 'it judged before it refused').toBe('');
    expect(status).toBe(1);
  });
});
