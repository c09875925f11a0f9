import { run } from '@berth/sdk/cni/plugin';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { plugin } from './portmap.ts';

beforeEach(() => void vi.stubEnv('PATH', '/nowhere'));
afterEach(() => void vi.unstubAllEnvs());

async function call(verb: string, keys: object = {}) {
  const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80 }] };
  const prevResult = { cniVersion: '1.1.0', ips: [{ address: '10.1.0.2/24' }] };
  // Without snat, so that ip isn't needed either.
  const config = { cniVersion: '1.1.0', name: 'net', type: 'portmap', snat: false, runtimeConfig, prevResult, ...keys };
  const out: string[] = [];
  await run(plugin, {
    env: { CNI_COMMAND: verb, CNI_CONTAINERID: 'c1', CNI_NETNS: '/x', CNI_IFNAME: 'eth0', CNI_PATH: '/x' },
    readStdin: () => JSON.stringify(config),
    writeStdout: (text) => out.push(text),
  });
  return JSON.parse(out.join('') || '{}');
}

it.each([
  ['ADD', {}, 5, 'nft: is not on PATH; install nftables'],
  ['ADD', { backend: 'nftables' }, 5, 'nft: is not on PATH; install nftables'],
  ['ADD', { backend: 'iptables' }, 5, 'iptables-restore: is not on PATH; install iptables'],
  ['ADD', { snat: true }, 5, 'ip: is not on PATH; install iproute2, or set snat to false'],
  ['STATUS', {}, 50, 'nft: is not on PATH; install nftables'],
  ['STATUS', { backend: 'iptables' }, 50, 'iptables: is not on PATH'],
  ['STATUS', { backend: 'none' }, 7, 'backend: must be one of iptables, nftables'],
])('%s with %j without nft, iptables and ip fails with code %d and says what to install', async (verb, keys, code, msg) => {
  expect(await call(verb, keys)).toMatchObject({ code, msg: expect.stringContaining(msg) });
});

it.each(['DEL', 'GC'])('%s without nft and iptables succeeds: there are no rules', async (verb) => {
  expect(await call(verb, { 'cni.dev/valid-attachments': [] })).toEqual({});
});
