import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseNetworkConfig } from './config.ts';
import { ResultCache } from './result-cache.ts';

let directory: string;
let cache: ResultCache;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cni-cache-'));
  await mkdir(join(directory, 'results'));
  cache = new ResultCache(directory);
});
afterEach(() => rm(directory, { recursive: true }));

const text = (cniVersion: string) => JSON.stringify({ cniVersion, name: 'net', plugins: [{ type: 'bridge', mtu: 1400 }] });
const list = parseNetworkConfig(text('1.0.0'), 'test');
const name = { containerId: 'c1', ifName: 'eth0' };
const result = { cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/16' }], dns: {} };

/** As libcni writes it: no netns where it is empty, no arguments where there are none. */
const written = {
  kind: 'cniCacheV1',
  containerId: 'c1',
  config: Buffer.from(text('1.0.0')).toString('base64'),
  ifName: 'eth0',
  networkName: 'net',
  netns: '/run/netns/c1',
  cniArgs: [['K8S_POD_NAME', 'web']],
  capabilityArgs: { portMappings: [{ hostPort: 80 }] },
  result,
};
const put = (content: unknown, file = 'net-c1-eth0') =>
  writeFile(join(directory, 'results', file), typeof content === 'string' ? content : JSON.stringify(content));

describe('what libcni has kept', () => {
  it('is read with its configuration and arguments', async () => {
    await put(written);
    expect(await cache.read(list, name)).toEqual(result);
    const { args, ...attachment } = (await cache.find('net', name))?.attachment ?? {};
    expect(attachment).toEqual({ ...name, netns: '/run/netns/c1', capabilityArgs: written.capabilityArgs });
    expect(args).toEqual([['K8S_POD_NAME', 'web']]);
    expect((await cache.find('net', name))?.list).toEqual({ ...list, text: text('1.0.0') });
  });

  it('may be the configuration of a single plugin', async () => {
    const config = Buffer.from(JSON.stringify({ cniVersion: '0.4.0', name: 'net', type: 'ptp' })).toString('base64');
    await put({ ...written, config });
    expect((await cache.find('net', name))?.list).toMatchObject({ cniVersion: '0.4.0', name: 'net', plugins: [{ type: 'ptp' }] });
  });

  it.each([
    ['the bare result', result],
    ['the bare result of 0.2.0', { ip4: { ip: '10.1.0.2/16' }, dns: {} }],
    ['a result of 0.3.1', { ...written, result: { cniVersion: '0.3.1', ips: [{ version: '4', address: '10.1.0.2/16' }], dns: {} } }],
  ])('may be %s', async (_, content) => {
    await put(content);
    expect(await cache.read(list, name)).toEqual(result);
  });

  it.each([
    ['nothing', ''],
    ['half a file', JSON.stringify(written).slice(0, 150)],
    ['a list', '[]'],
    ['another kind', { ...written, kind: 'cniCacheV9', result: undefined }],
    ['a result of an unknown version', { ...written, result: { cniVersion: '7.0.0' } }],
    ['a result that is a text', { ...written, result: 'x' }],
  ])('may be %s, which is as if nothing were kept', async (_, content) => {
    await put(content);
    expect(await cache.read(list, name)).toBeUndefined();
  });
});

describe('the list of what is kept', () => {
  it('passes over what can not be read, and tells a broken configuration as none', async () => {
    await put(written);
    await put('{"kind":"cniCa', 'net-c0-eth0');
    await put({ ...written, containerId: 'c3' }, '.net-c3-eth0.new');
    await mkdir(join(directory, 'results/net-c5-eth0'));
    await put({ ...written, networkName: '' }, 'net-c4-eth0');
    await put({ ...written, containerId: 'c2', networkName: 'other', config: 'AAAA' }, 'other-c2-eth0');
    const kept = await cache.list();
    expect(kept.map(({ network, attachment, list: own }) => [network, attachment.containerId, own?.name])).toEqual([
      ['net', 'c1', 'net'],
      ['other', 'c2', undefined],
    ]);
  });

  it('has an interface that is named as unfinished files are elsewhere', async () => {
    await cache.write(list, { ...name, ifName: 'eth0.new', netns: '' }, result);
    expect((await cache.list()).map(({ attachment }) => attachment.ifName)).toEqual(['eth0.new']);
  });

  it('is empty where there is no directory, and fails where one can not be read', async () => {
    expect(await new ResultCache(join(directory, 'none')).list()).toEqual([]);
    await expect(new ResultCache(join(directory, 'x'.repeat(300))).list()).rejects.toThrow('ENAMETOOLONG');
  });

  it('leaves no unfinished file of a result that can not be kept', async () => {
    await mkdir(join(directory, 'results/net-c1-eth0'));
    await expect(cache.write(list, { ...name, netns: '' }, result)).rejects.toThrow();
    expect(await readdir(join(directory, 'results'))).toEqual(['net-c1-eth0']);
  });
});
