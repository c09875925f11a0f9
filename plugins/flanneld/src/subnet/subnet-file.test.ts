import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Prefix, parsePrefix } from '@berth/sdk/cni/address';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatSubnetFile, parseSubnets, readSubnets, writeSubnetFile } from './subnet-file.ts';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

const dual = {
  networks: { 4: prefix('10.42.0.0/16'), 6: prefix('2001:cafe:42::/56') },
  subnets: { 4: prefix('10.42.3.0/24'), 6: prefix('2001:cafe:42:3::/64') },
  mtu: 1450,
  ipMasq: true,
};
const text = `FLANNEL_NETWORK=10.42.0.0/16
FLANNEL_SUBNET=10.42.3.1/24
FLANNEL_IPV6_NETWORK=2001:cafe:42::/56
FLANNEL_IPV6_SUBNET=2001:cafe:42:3::1/64
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`;

describe('subnet.env', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-flanneld-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is written as flannel writes it', () => {
    expect(formatSubnetFile(dual)).toBe(text);
  });

  it('gives the subnets back to a daemon that starts again', () => {
    expect(parseSubnets(text)).toEqual(dual.subnets);
    expect(parseSubnets('FLANNEL_SUBNET=nonsense\n')).toEqual({});
  });

  it('replaces what was there as a whole, and leaves nothing else', async () => {
    const file = join(directory, 'run/flannel/subnet.env');
    await writeSubnetFile({ path: file, contents: dual });
    await writeSubnetFile({ path: file, contents: { ...dual, mtu: 1400 } });
    expect(await readFile(file, 'utf8')).toBe(text.replace('1450', '1400'));
    expect(await readdir(join(directory, 'run/flannel'))).toEqual(['subnet.env']);
    expect(await readSubnets(file)).toEqual(dual.subnets);
  });

  it('need not be there', async () => {
    expect(await readSubnets(join(directory, 'none.env'))).toEqual({});
  });

  it('that can neither be written nor read is named', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(writeSubnetFile({ path: join(file, 'subnet.env'), contents: dual })).rejects.toThrow(`${file}/subnet.env: `);
    await expect(readSubnets(directory)).rejects.toThrow(`${directory}: `);
  });
});
