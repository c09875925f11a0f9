import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  addressesOf,
  container,
  devicesOf,
  hostNetns,
  inHost,
  netns,
  network,
  referenceDirectory,
  reserved,
  start,
  temporary,
  unable,
  useHostAndContainer,
} from './host-and-container.fixture.ts';

useHostAndContainer();

describe('macspoofchk', () => {
  beforeEach(({ skip }) => {
    const reason = unable('nft');
    if (reason) skip(reason);
  });
  const rules = () => inHost('nft', 'list', 'ruleset');

  it('drops what carries another hardware address, until DEL', async () => {
    const config = network({ macspoofchk: true });
    const prevResult = await start('ours', 'ADD', config);
    expect(prevResult.code).toBeUndefined();
    expect(rules().match(/macspoofchk-c1-eth0/g)).toHaveLength(4);
    const ping = (timeout: number) =>
      spawnSync('ip', ['netns', 'exec', container, 'busybox', 'ping', '-c', '1', '10.1.0.1'], { timeout }).status;
    expect(ping(5000)).toBe(0);
    expect(await start('ours', 'CHECK', { ...config, prevResult })).toEqual({});
    execFileSync('ip', ['-n', container, 'link', 'set', 'dev', 'eth0', 'address', '02:00:00:00:00:77']);
    expect(ping(500)).not.toBe(0);
    await start('ours', 'DEL', config);
    expect(rules()).not.toContain('c1-eth0');
  });

  it('CHECK finds that the rules are gone, and GC removes those whose port is gone', async () => {
    const config = network({ macspoofchk: true });
    const prevResult = await start('ours', 'ADD', config);
    await start('ours', 'GC', { ...config, 'cni.dev/valid-attachments': [] });
    expect(rules()).toContain('c1-eth0');
    inHost('nft', 'flush', 'chain', 'bridge', 'nat', 'PREROUTING');
    expect((await start('ours', 'CHECK', { ...config, ipam: {}, prevResult })).msg).toContain('macspoofchk');
    await start('ours', 'DEL', config);
    await start('ours', 'ADD', config);
    inHost('ip', 'link', 'delete', 'dev', portOf(inHost('nft', 'list', 'chain', 'bridge', 'nat', 'PREROUTING')));
    expect(await start('ours', 'GC', { ...config, 'cni.dev/valid-attachments': [] })).toEqual({});
    expect(rules()).not.toContain('c1-eth0');
  });

  it('GC removes more rules than fit into one command of nft', async () => {
    const gone = Array.from(
      { length: 700 },
      (_, index) => `add rule bridge nat PREROUTING iifname "gone${index}" drop comment "macspoofchk-${index}"`,
    );
    const chain = 'add table bridge nat; add chain bridge nat PREROUTING { type filter hook prerouting priority -300; }';
    execFileSync('ip', ['netns', 'exec', hostNetns, 'nft', '-f', '-'], { input: [chain, ...gone].join('\n') });
    expect(await start('ours', 'GC', { ...network(), 'cni.dev/valid-attachments': [] })).toEqual({});
    expect(rules()).not.toContain('macspoofchk');
  });

  it('DEL says that rules could not be looked for, instead of leaving them', async () => {
    const broken = join(temporary, 'broken');
    await mkdir(broken, { recursive: true });
    await writeFile(join(broken, 'nft'), '#!/bin/sh\necho no memory >&2; exit 1\n', { mode: 0o755 });
    const config = network({ macspoofchk: true, ipMasq: true, ipMasqBackend: 'nftables' });
    await start('ours', 'ADD', config);
    const path = `${broken}:${process.env.PATH}`;
    expect(await start('ours', 'DEL', config, netns, 'c1', { path })).toMatchObject({ code: 5, msg: expect.stringContaining('no memory') });
    expect(await start('ours', 'DEL', config)).toEqual({});
    expect(rules()).not.toContain('c1');
  });
  const portOf = (listing: string) => /iifname "(veth[0-9a-f]+)"/.exec(listing)?.[1] ?? '';
});

describe('STATUS', () => {
  it('succeeds where all is there', async () => {
    expect(await start('ours', 'STATUS', network({ ipMasq: true, macspoofchk: true }))).toEqual({});
  });

  it.each([
    [{ ipMasq: true, ipMasqBackend: 'iptables' }, /^iptables: .*ipMasq needs it; install iptables/],
    [{ ipMasq: true, ipMasqBackend: 'nftables' }, /^nft: .*ipMasq needs it; install nftables/],
    [{ ipMasq: true }, /^iptables and nft: .*install one of them/],
    [{ macspoofchk: true }, /^nft: .*macspoofchk needs it/],
  ])('names with code 50 what is missing for %j, and ADD fails and leaves nothing', async (keys, message) => {
    const nowhere = { path: join(temporary, 'ours') };
    const answer = await start('ours', 'STATUS', network(keys), netns, 'c1', nowhere);
    expect(answer).toMatchObject({ code: 50, msg: expect.stringMatching(message) });
    expect((await start('ours', 'ADD', network(keys), netns, 'c1', nowhere)).code).toBe(5);
    expect(devicesOf(container)).toEqual(['lo']);
    expect(reserved()).toEqual([]);
  });
});

describe('ipMasq', () => {
  beforeEach(({ skip }) => {
    const reason = unable('nft');
    if (reason) skip(reason);
  });
  const rules = () => inHost('nft', 'list', 'chain', 'inet', 'cni_plugins_masquerade', 'masq_checks').match(/masquerade comment/g) ?? [];

  const byNftables = { ipMasq: true, ipMasqBackend: 'nftables' };

  it('makes a rule for each address, and DEL removes them', async () => {
    await start('ours', 'ADD', network(byNftables));
    expect(rules()).toHaveLength(2);
    await start('ours', 'DEL', network(byNftables));
    expect(rules()).toHaveLength(0);
  });

  it.each(['iptables', 'nftables', undefined])(
    'CHECK finds the rule of an address without a network around it: %s',
    async (ipMasqBackend) => {
      const ipam = { type: 'static-addresses' };
      const config = network({ ipMasq: true, isGateway: false, ipam, ...(ipMasqBackend ? { ipMasqBackend } : {}) });
      await writeFile(
        join(temporary, 'ours', ipam.type),
        `#!/bin/sh\necho '{"ips":[{"address":"10.1.0.2/32"},{"address":"fd00::2/128"}]}'\n`,
        {
          mode: 0o755,
        },
      );
      const prevResult = await start('ours', 'ADD', config);
      expect(prevResult.code).toBeUndefined();
      expect(await start('ours', 'CHECK', { ...config, prevResult })).toEqual({});
    },
  );

  it.each([
    ['is', () => undefined],
    ['has been flushed', () => inHost('nft', 'flush', 'chain', 'inet', 'cni_plugins_masquerade', 'postrouting')],
    ['has been deleted', () => inHost('nft', 'delete', 'table', 'inet', 'cni_plugins_masquerade')],
  ])('leads packets to its rules once, where the way to them %s', async (_is, change) => {
    await start('ours', 'ADD', network(byNftables));
    await start('ours', 'DEL', network(byNftables));
    change();
    await start('ours', 'ADD', network(byNftables));
    expect(inHost('nft', 'list', 'chain', 'inet', 'cni_plugins_masquerade', 'postrouting').match(/goto masq_checks/g)).toHaveLength(1);
    expect(rules()).toHaveLength(2);
  });

  it.each([
    ['iptables', ['iptables', '-t', 'nat', '-F', 'POSTROUTING']],
    ['nftables', ['nft', 'flush', 'chain', 'inet', 'cni_plugins_masquerade', 'postrouting']],
  ])('CHECK finds that nothing leads to the rules any more: %s', async (ipMasqBackend, [program = '', ...flush]) => {
    const config = network({ ipMasq: true, ipMasqBackend });
    const prevResult = await start('ours', 'ADD', config);
    inHost(program, ...flush);
    expect((await start('ours', 'CHECK', { ...config, prevResult })).msg).toContain('address 10.1.0.2: is masqueraded no longer (ipMasq)');
  });

  const natOf = (program: string) => inHost(program, '-t', 'nat', '-S');

  it.each(['iptables', 'nftables'])(
    'CHECK finds that the rules are gone, and GC removes those of attachments in no use: %s',
    async (backend) => {
      const config = network({ ipMasq: true, ipMasqBackend: backend });
      const listing = () => (backend === 'iptables' ? natOf('iptables') + natOf('ip6tables') : inHost('nft', 'list', 'ruleset'));
      const prevResult = await start('ours', 'ADD', config);
      expect(await start('ours', 'CHECK', { ...config, prevResult })).toEqual({});
      await start('ours', 'GC', { ...config, 'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }] });
      expect(listing()).toMatch(/id: .*c1/);
      expect(await start('ours', 'GC', { ...config, 'cni.dev/valid-attachments': [] })).toEqual({});
      expect(listing()).not.toMatch(/id: .*c1/);
      expect(reserved()).toEqual([]);
      const check = await start('ours', 'CHECK', { ...config, ipam: {}, prevResult });
      expect(check.msg).toContain('address 10.1.0.2: is masqueraded no longer (ipMasq)');
    },
  );

  it('uses iptables by default, with rules that the reference plugin removes', async ({ skip }) => {
    const reason = referenceDirectory ? unable('iptables', 'ip6tables') : 'no reference plugins';
    if (reason) skip(reason);
    const config = network({ cniVersion: '1.0.0', ipMasq: true });
    expect((await start('ours', 'ADD', config)).code).toBeUndefined();
    expect(natOf('iptables')).toMatch(/-A POSTROUTING -s 10\.1\.0\.2\/32 .*-j CNI-/);
    expect(await start('reference', 'DEL', config)).toEqual({});
    expect(natOf('iptables') + natOf('ip6tables')).not.toContain('CNI-');
  });

  it("removes the reference plugin's rules of iptables too", async ({ skip }) => {
    const reason = referenceDirectory ? unable('iptables', 'iptables-restore', 'ip6tables', 'ip6tables-restore') : 'no reference plugins';
    if (reason) skip(reason);
    expect((await start('reference', 'ADD', network({ cniVersion: '1.0.0', ipMasq: true }))).code).toBeUndefined();
    expect(inHost('iptables', '-t', 'nat', '-S')).toContain('CNI-');
    expect(await start('ours', 'DEL', network({ cniVersion: '1.0.0', ipMasq: true }))).toEqual({});
    expect(inHost('iptables', '-t', 'nat', '-S')).not.toContain('CNI-');
    expect(inHost('ip6tables', '-t', 'nat', '-S')).not.toContain('CNI-');
  });
});

describe('together with the reference plugins', () => {
  beforeEach(({ skip }) => {
    if (!referenceDirectory) skip('no reference plugins in CNI_REFERENCE_PATH, /usr/lib/cni, /opt/cni/bin or .cache/debian');
  });

  // Debian's know the spec up to 1.0.0.
  const known = { cniVersion: '1.0.0' };

  it('both find nothing wrong with what the other has added', async () => {
    const ours = await start('ours', 'ADD', network(known));
    expect(await start('reference', 'CHECK', network({ ...known, prevResult: ours }))).toEqual({});
    await start('ours', 'DEL', network(known));
    const theirs = await start('reference', 'ADD', network(known));
    expect(await start('ours', 'CHECK', network({ ...known, prevResult: theirs }))).toEqual({});
  });

  it.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
    ['our bridge', 'our host-local'],
    ['our host-local', 'our bridge'],
  ])('what "%s" adds, "%s" deletes', async (adder, deleter) => {
    expect((await start(adder, 'ADD', network(known))).code).toBeUndefined();
    expect(addressesOf(container, 'eth0')).toEqual(['10.1.0.2/24', 'fd00::2/64']);
    expect(await start(deleter, 'DEL', network(known))).toEqual({});
    expect(devicesOf(container)).toEqual(['lo']);
    expect(reserved()).toEqual([]);
  });

  it('both give the same result', async () => {
    const theirs = await start('reference', 'ADD', network(known));
    await start('reference', 'DEL', network(known));
    const ours = await start('ours', 'ADD', network(known));
    expect(ours.interfaces?.map(({ name, sandbox }) => [name.slice(0, 4), sandbox])).toEqual(
      theirs.interfaces?.map(({ name, sandbox }) => [name.slice(0, 4), sandbox]),
    );
    expect(ours.ips).toEqual([
      { interface: 2, address: '10.1.0.3/24', gateway: '10.1.0.1' },
      { interface: 2, address: 'fd00::3/64', gateway: 'fd00::1' },
    ]);
    expect(theirs.ips).toEqual([
      { interface: 2, address: '10.1.0.2/24', gateway: '10.1.0.1' },
      { interface: 2, address: 'fd00::2/64', gateway: 'fd00::1' },
    ]);
  });
});
