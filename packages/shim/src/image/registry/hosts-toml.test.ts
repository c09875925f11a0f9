import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseHostsToml } from './hosts-toml.ts';
import { registryHosts } from './registry-hosts.ts';

const read = (text: string) => parseHostsToml(text, '/certs.d/docker.io/hosts.toml');

describe('parseHostsToml', () => {
  it('reads what the documentation of containerd shows', () => {
    const { hosts, server } = read(`
      server = "https://registry-1.docker.io"
      [host."https://mirror.registry"]
        capabilities = ["pull"]
        ca = "mirror.pem"
        skip_verify = false
        dial_timeout = "1m0.5s"
        [host."https://mirror.registry".header]
          x-custom-2 = ["value1", "value2"]
          x-custom-3 = "value3"
      [host."https://mirror-bak.registry/us"]
        skip_verify = true
        proxy = "http://my-proxy:8080"
      [host."http://test-1.registry"]
        capabilities = ["pull", "Resolve", "push"]
        ca = ["/etc/certs/test-1-ca.pem", "special.pem"]
        client = [["/etc/certs/client.cert", "client.key"], ["client.pem", ""]]
      [host."test-2.registry:5000"]
        client = "/etc/certs/client.pem"
      [host."https://non-compliant-mirror.registry/upstream"]
        client = ["/etc/certs/client-1.pem", "/etc/certs/client-2.pem"]
        override_path = true
        something_newer = 1
    `);
    const all = ['pull', 'resolve', 'push'];
    const plain = { capabilities: all, ca: [], client: [], skipVerify: undefined, header: {}, dialTimeoutMs: 10_000, proxy: undefined };
    expect(server).toEqual({ ...plain, api: 'https://registry-1.docker.io/v2' });
    expect(hosts).toEqual([
      {
        ...plain,
        api: 'https://mirror.registry/v2',
        capabilities: ['pull'],
        ca: ['/certs.d/docker.io/mirror.pem'],
        skipVerify: false,
        dialTimeoutMs: 60_500,
        header: { 'x-custom-2': ['value1', 'value2'], 'x-custom-3': ['value3'] },
      },
      { ...plain, api: 'https://mirror-bak.registry/us/v2', skipVerify: true, proxy: 'http://my-proxy:8080/' },
      {
        ...plain,
        api: 'http://test-1.registry/v2',
        ca: ['/etc/certs/test-1-ca.pem', '/certs.d/docker.io/special.pem'],
        client: [
          { cert: '/etc/certs/client.cert', key: '/certs.d/docker.io/client.key' },
          { cert: '/certs.d/docker.io/client.pem', key: '/certs.d/docker.io/client.pem' },
        ],
      },
      { ...plain, api: 'https://test-2.registry:5000/v2', client: [{ cert: '/etc/certs/client.pem', key: '/etc/certs/client.pem' }] },
      {
        ...plain,
        api: 'https://non-compliant-mirror.registry/upstream',
        client: ['/etc/certs/client-1.pem', '/etc/certs/client-2.pem'].map((path) => ({ cert: path, key: path })),
      },
    ]);
  });

  it.each([
    ['no TOML', '[host', /hosts\.toml: line 1: /],
    ['a host that is no table', 'host = 1', /hosts\.toml: host: it is no table; write \[host\]/],
    ['an address that is none', '[host."https://"]', /host\."https:\/\/": "https:\/\/" is no address of a registry; write https:\/\/HOST/],
    [
      'a scheme that is none of HTTP',
      '[host."ftp://x"]',
      /host\."ftp:\/\/x": "ftp:\/\/x" is no address of a registry; write https:\/\/HOST/,
    ],
    ['an unknown capability', 'capabilities = ["pul"]', /capabilities: there is no capability "pul"; use pull, resolve, push$/],
    ['an authority that is no path', '[host."m"]\nca = 1', /host\."m"\.ca: it is no string/],
    ['half a pair', 'client = [["a"]]', /client: \["a"\] is no pair; write/],
    ['a word for a truth', 'skip_verify = "true"', /skip_verify: it is neither true nor false/],
    ['a duration without a unit', 'dial_timeout = "5"', /dial_timeout: "5" is no duration/],
    ['a SOCKS proxy', 'proxy = "socks5://p:1"', /proxy: it is no address of an HTTP proxy/],
  ])('refuses %s by file and field', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION', object: '/certs.d/docker.io/hosts.toml' }));
  });
});

describe('registryHosts', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'berth-hosts-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const configure = async (directory: string, server: string) => {
    await mkdir(join(root, directory), { recursive: true });
    await writeFile(join(root, directory, 'hosts.toml'), `server = "${server}"\n`);
  };
  const apis = async (domain: string, path = root) => (await registryHosts(path, domain)).map(({ api }) => api);

  it('are the registry alone where nothing is configured, by plain HTTP on loopback', async () => {
    expect(await apis('registry.example:5000')).toEqual(['https://registry.example:5000/v2']);
    expect(await apis('docker.io')).toEqual(['https://registry-1.docker.io/v2']);
    expect(await apis('[::1]:5000')).toEqual(['http://[::1]:5000/v2']);
    expect(await apis('docker.io', '/nowhere')).toEqual(['https://registry-1.docker.io/v2']);
  });

  it('come from the directory with the port, and else from _default', async () => {
    await configure('_default', 'https://default');
    expect(await apis('a:5000')).toEqual(['https://default/v2']);
    await configure('a:5000', 'https://colon');
    expect(await apis('a:5000')).toEqual(['https://colon/v2']);
    await configure('a_5000_', 'https://underscores');
    expect(await apis('a:5000')).toEqual(['https://underscores/v2']);
    expect(await apis('a')).toEqual(['https://default/v2']);
  });

  it('come from the first of several directories that knows the registry', async () => {
    await configure('second/a.example', 'https://b');
    expect(await apis('a.example', `${root}/first:${root}/second`)).toEqual(['https://b/v2']);
  });

  it('say which configuration can not be read', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(registryHosts(join(root, 'file'), 'a.example')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(/^registry configuration .*\/file: ENOTDIR: .*; make it readable/),
    });
    const path = join(root, 'a.example/hosts.toml');
    await mkdir(path, { recursive: true });
    await expect(registryHosts(root, 'a.example')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `${path}: it is a directory; make it a file that this user can read, or remove it`,
    });
  });

  it.each(['127.0.0.1:99999', '127.0.0.999'])('are none for %s', async (domain) => {
    await expect(registryHosts(root, domain)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `registry ${domain}: no registry can have this address; correct the name of the image: a host, and a port up to 65535`,
    });
  });

  it('are told which registry they stand for, but for itself', async () => {
    const text = 'server = "https://index.example"\n[host."https://m"]\n[host."https://docker.io"]\n';
    await configure('docker.io', 'x');
    await writeFile(join(root, 'docker.io/hosts.toml'), text);
    const hosts = await registryHosts(root, 'docker.io');
    expect(hosts.map(({ name, namespace, isOwn }) => [name, namespace, isOwn])).toEqual([
      ['mirror m', 'docker.io', false],
      ['registry docker.io', undefined, true],
      ['registry index.example', 'docker.io', true],
    ]);
  });
});
