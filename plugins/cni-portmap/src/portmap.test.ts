import { run } from '@berth/sdk/cni/plugin';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { plugin } from './portmap.ts';

beforeEach(() => void vi.stubEnv('PATH', '/nowhere'));
afterEach(() => void vi.unstubAllEnvs());

async function call(verb: string) {
  const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80 }] };
  const prevResult = { cniVersion: '1.1.0', ips: [{ address: '10.1.0.2/24' }] };
  // Without snat, so that ip isn't needed either.
  const config = { cniVersion: '1.1.0', name: 'net', type: 'portmap', snat: false, runtimeConfig, prevResult };
  const out: string[] = [];
  await run(plugin, {
    env: { CNI_COMMAND: verb, CNI_CONTAINERID: 'c1', CNI_NETNS: '/x', CNI_IFNAME: 'eth0', CNI_PATH: '/x' },
    readStdin: () => JSON.stringify(config),
    writeStdout: (text) => out.push(text),
  });
  return JSON.parse(out.join('') || '{}');
}

it.each([
  ['ADD', 5],
  ['STATUS', 50],
])('%s without nft fails with code %d and says what to install', async (verb, code) => {
  expect(await call(verb)).toMatchObject({ code, msg: 'nft: is not on PATH; install nftables' });
});

it('DEL without nft succeeds: there are no rules', async () => {
  expect(await call('DEL')).toEqual({});
});
