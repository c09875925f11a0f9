import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, skipWithoutOpenssl, type TestCertificate } from '../../../../test/fixtures/certificate.ts';
import { missingEtcd, startEtcd, type TestEtcd } from '../../../../test/fixtures/etcd.ts';
import { parseNetworkConfig } from '../network-config.ts';
import { parseEndpoints, readTls } from './endpoints.ts';
import { EtcdClient, type EtcdUser } from './etcd-client.ts';
import { EtcdSubnetStore } from './etcd-subnet-store.ts';

const missing = missingEtcd();
const never = new AbortController().signal;

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.skipIf(missing)(`an etcd with TLS and users${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let etcd: TestEtcd;
  let directory: string;
  let certificate: TestCertificate;
  let endpoint: string;
  let plain: number;
  const stores: EtcdSubnetStore[] = [];

  beforeEach(skipWithoutOpenssl);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-flanneld-'));
    certificate = makeCertificate(directory);
    const secure = await freePort();
    plain = await freePort();
    endpoint = `https://localhost:${secure}`;
    const parameters = ['--cert-file', certificate.certFile, '--key-file', certificate.keyFile];
    etcd = await startEtcd({ url: `https://127.0.0.1:${secure},http://127.0.0.1:${plain}`, parameters });
    await etcd.put('/test/config', 'the configuration');
    const users = [
      ['user/add', { name: 'root', password: 'secret' }],
      ['role/add', { name: 'root' }],
      ['user/grant', { user: 'root', role: 'root' }],
      ['user/add', { name: 'reader', password: 'secret' }],
      ['role/add', { name: 'reader' }],
      ['role/grant', { name: 'reader', perm: { permType: 'READ', key: base64('/test/'), range_end: base64('/test0') } }],
      ['user/grant', { user: 'reader', role: 'reader' }],
      ['enable', {}],
    ] as const;
    for (const [path, body] of users) await post(`auth/${path}`, body);
  });
  afterAll(async () => {
    for (const store of stores) store.close();
    await etcd?.close();
    if (directory) await rm(directory, { recursive: true });
  });

  /** A call by etcd's gateway for JSON. */
  async function post(path: string, body: object, token = ''): Promise<{ token?: string; leases?: object[] }> {
    const headers = token === '' ? {} : { authorization: token };
    const response = await fetch(`http://127.0.0.1:${plain}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), headers });
    return response.json() as Promise<{ token?: string; leases?: object[] }>;
  }

  function store(user?: EtcdUser, cafile = certificate.certFile): EtcdSubnetStore {
    const files = { 'etcd-cafile': cafile, 'etcd-certfile': '', 'etcd-keyfile': '' };
    const made = new EtcdSubnetStore(new EtcdClient({ endpoints: parseEndpoints(endpoint, files), tls: readTls(files), user }), '/test');
    stores.push(made);
    return made;
  }

  it('answers who knows the password, also after a restart, by which tokens end', async () => {
    const known = store({ name: 'root', password: 'secret' });
    expect(await known.readConfig(never)).toBe('the configuration');
    await etcd.kill();
    await etcd.start();
    expect(await known.readConfig(never)).toBe('the configuration');
  });

  it('is left no lease by a host that may not write', async () => {
    const config = parseNetworkConfig('{"Network": "10.5.0.0/16"}', 'test');
    const acquired = store({ name: 'reader', password: 'secret' }).acquire(config, { publicIp: {}, backendData: {} }, {}, never);
    await expect(acquired).rejects.toThrow('permission denied');
    const { token } = await post('auth/authenticate', { name: 'root', password: 'secret' });
    expect((await post('lease/leases', {}, token)).leases ?? []).toEqual([]);
  });

  it('refuses all others, in words', async () => {
    await expect(store({ name: 'root', password: 'wrong' }).readConfig(never)).rejects.toThrow('invalid user ID or password');
    await expect(store().readConfig(never)).rejects.toThrow('user name is empty');
    await expect(store(undefined, '').readConfig(never)).rejects.toThrow('self-signed certificate');
  });
});
