import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration-file.ts';

describe('readConfiguration', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-configuration-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function read(text: string, name: string) {
    const file = join(directory, 'net.conf');
    await writeFile(file, text);
    return readConfiguration(file, name);
  }

  it('takes a configuration as it is', async () => {
    expect(await read('{"type":"bridge","mtu":1400}', 'bridge')).toEqual({ config: { type: 'bridge', mtu: 1400 }, before: [] });
  });

  it('finds the plugin in a list, with those before it', async () => {
    const list = '{"plugins":[{"type":"bridge"},{"type":"tuning"},{"type":"portmap","snat":true},{"type":"firewall"}]}';
    expect(await read(list, 'portmap')).toEqual({
      config: { type: 'portmap', snat: true },
      before: [{ type: 'bridge' }, { type: 'tuning' }],
    });
  });

  it('finds an IPAM plugin by the plugin that delegates to it', async () => {
    const list = '{"plugins":[{"type":"bridge","ipam":{"type":"host-local"}}]}';
    expect(await read(list, 'host-local')).toEqual({ config: { type: 'bridge', ipam: { type: 'host-local' } }, before: [] });
  });

  it.each([
    ['{', 'net.conf: '],
    ['[]', 'it is not a JSON object'],
    ['{"plugins":{}}', 'its plugins are not a list of objects'],
    ['{"plugins":[{"type":"bridge"}]}', 'none of its plugins is portmap, but bridge'],
  ])('refuses %s', async (text, reason) => {
    await expect(read(text, 'portmap')).rejects.toThrow(reason);
  });

  it('names a file that is not there', () => {
    expect(() => readConfiguration('/no/such/file', 'bridge')).toThrow('/no/such/file: ENOENT');
  });
});
