import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestAuthority } from '../../testing/authority.ts';
import { freePorts } from '../../testing/free-ports.ts';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';
import type { User } from './authentication/authenticator.ts';
import type { Attributes } from './authorization/authorizer.ts';
import { defaultServerOptions, type KubeletServerOptions } from './server-options.ts';

let authority: TestAuthority;
let node: TestNode;
let [port, readOnlyPort, healthzPort] = [0, 0, 0];

/** Whose each token is. */
let tokens: Map<string, User>;

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  cert?: string;
  key?: string;
}

beforeAll(async () => {
  authority = await TestAuthority.create();
});

beforeEach(async () => {
  [port = 0, readOnlyPort = 0, healthzPort = 0] = await freePorts(3);
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  tokens = new Map([
    ['secret', { name: 'ann', uid: '1', groups: ['viewers', 'people'] }],
    ['other', { name: 'bob', groups: [] }],
  ]);
  await writeFile(join(node.root, 'ca.crt'), authority.cert);
});

afterEach(() => node.remove());

/** Starts the node with its ports and one running pod. */
async function serve(options: Partial<KubeletServerOptions> = {}): Promise<void> {
  const server: KubeletServerOptions = {
    ...defaultServerOptions,
    address: '127.0.0.1',
    port,
    readOnlyPort,
    healthzPort,
    authentication: {
      ...defaultServerOptions.authentication,
      x509: { clientCAFile: join(node.root, 'ca.crt') },
    },
    tokenReviewer: {
      review: async (token) => {
        const user = tokens.get(token);
        return { authenticated: user !== undefined, ...(user && { user }) };
      },
    },
    ...options,
  };
  node.replaceKubelet({ server, nodeLogDir: join(node.root, 'host-logs') });
  await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: "a:1"}]\n'));
  await node.kubelet.start();
  await node.until('a', isReady);
}

async function get(path: string, asked: Asked = {}): Promise<{ status: number; body: string }> {
  return send(tlsRequest({ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false, ...asked }));
}

async function plain(path: string, on = readOnlyPort): Promise<{ status: number; body: string }> {
  return send(plainRequest({ host: '127.0.0.1', port: on, path, agent: false }));
}

async function send(sent: ReturnType<typeof plainRequest>): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  sent.once('response', (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  sent.once('error', reject).end();
  return promise;
}

const bearer = (token: string): Asked => ({ headers: { authorization: `Bearer ${token}` } });

describe('who may ask on the TLS port', () => {
  it.each<[string, () => Promise<Asked> | Asked, number]>([
    ['nobody without a credential', () => ({}), 401],
    ['a token that the reviewer knows', () => bearer('secret'), 200],
    ['a token that nobody knows', () => bearer('guess'), 401],
    ['a certificate of the authority', () => authority.client('CN=admin,O=system:masters'), 200],
    ["another authority's certificate", async () => (await TestAuthority.create()).client('CN=admin,O=system:masters'), 401],
    ['a certificate without a name', () => authority.client('O=nameless'), 401],
  ])('%s', async (_, credential, status) => {
    await serve();
    const answer = await get('/pods', await credential());
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.body).toBe('Unauthorized');
    else expect(JSON.parse(answer.body).items).toMatchObject([{ metadata: { name: 'a' } }]);
  });

  it('anybody where that is allowed, but nobody with a bad credential', async () => {
    await serve({ authentication: { ...defaultServerOptions.authentication, anonymous: { enabled: true } } });
    expect((await get('/pods')).status).toBe(200);
    expect((await get('/pods', bearer('guess'))).status).toBe(401);
  });

  it('a token that nobody knows any more, no longer than reviews are kept', async () => {
    await serve({ authentication: { ...defaultServerOptions.authentication, webhook: { enabled: true, cacheTTLMs: 0 } } });
    expect((await get('/pods', bearer('other'))).status).toBe(200);
    tokens.clear();
    expect((await get('/pods', bearer('other'))).status).toBe(401);
  });
});

describe('what they may ask, with a webhook', () => {
  const reviewed: Attributes[] = [];
  const accessReviewer = {
    review: async (attributes: Attributes) => {
      reviewed.push(attributes);
      if (attributes.subresource === 'log') throw new Error('the API server is away');
      return { allowed: attributes.user.groups.includes('viewers') && ['metrics', 'pods'].includes(attributes.subresource) };
    },
  };

  beforeEach(async () => {
    reviewed.length = 0;
    await serve({ authorization: { ...defaultServerOptions.authorization, mode: 'Webhook' }, accessReviewer });
  });

  it.each([
    ['/pods', 'secret', 200, ''],
    ['/metrics/resource', 'secret', 200, ''],
    ['/stats/summary', 'secret', 403, 'Forbidden (user=ann, verb=get, resource=nodes, subresource(s)=[stats])'],
    ['/configz', 'secret', 403, 'Forbidden (user=ann, verb=get, resource=nodes, subresource(s)=[configz proxy])'],
    ['/containerLogs/default/a/main', 'secret', 403, 'subresource(s)=[proxy]'],
    ['/pods', 'other', 403, 'Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[pods proxy])'],
    ['/logs/', 'secret', 500, 'Authorization error (user=ann, verb=get, resource=nodes, subresource=log)'],
  ])('GET %s by the owner of token %s is answered with %i', async (path, token, status, words) => {
    const answer = await get(path, bearer(token));
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(words);
  });

  it('is asked once for each right as long as the answer holds, with all that a review needs', async () => {
    await get('/metrics', { ...bearer('secret'), method: 'POST' });
    await get('/metrics', { ...bearer('secret'), method: 'POST' });
    expect(reviewed).toEqual([
      {
        user: { name: 'ann', uid: '1', groups: ['viewers', 'people', 'system:authenticated'] },
        verb: 'create',
        apiGroup: '',
        apiVersion: 'v1',
        resource: 'nodes',
        subresource: 'metrics',
        name: 'node',
        path: '/metrics',
      },
    ]);
  });

  it('a session is guarded like a request', async () => {
    const headers = { ...bearer('other').headers, Connection: 'Upgrade', Upgrade: 'SPDY/3.1' };
    expect(await get('/exec/default/a/main?command=true&output=1', { method: 'POST', headers })).toMatchObject({ status: 403 });
    expect(node.runtime.calls.filter((call) => call.startsWith('Exec'))).toEqual([]);
  });
});

describe('what the options turn off or on', () => {
  it('webhooks that there is nobody for are refused at the start', async () => {
    const authorization = { ...defaultServerOptions.authorization, mode: 'Webhook' as const };
    await expect(serve({ authorization })).rejects.toThrow('no client provided, cannot use webhook authorization');
    await expect(stat(node.socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    [{ enableDebuggingHandlers: false }, '/containerLogs/default/a/main', 'Debug endpoints are disabled.'],
    [{ enableDebuggingHandlers: false }, '/runningpods/', 'Debug endpoints are disabled.'],
    [{ enableDebuggingHandlers: false }, '/logs/', 'Debug endpoints are disabled.'],
    [{ enableSystemLogHandler: false }, '/logs/x', 'logs endpoint is disabled.'],
    [{ enableDebugFlagsHandler: false }, '/debug/flags/v', 'flags endpoint is disabled.'],
  ])('%o answers %s with 405', async (options, path, words) => {
    await serve(options);
    expect(await get(path, bearer('secret'))).toEqual({ status: 405, body: `${words}\n` });
  });

  it('sessions too are turned off with the debugging handlers, but not on the unix socket', async () => {
    await serve({ enableDebuggingHandlers: false });
    const headers = { ...bearer('secret').headers, Connection: 'Upgrade', Upgrade: 'SPDY/3.1' };
    expect((await get('/exec/default/a/main?command=true', { method: 'POST', headers })).status).toBe(405);
    expect((await node.get('/containerLogs/default/a/main')).status).toBe(200);
  });

  it.each([
    [{ tlsMinVersion: 'VersionTLS13' as const }, { maxVersion: 'TLSv1.2' as const }, /version/i],
    [
      { tlsCipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] },
      { maxVersion: 'TLSv1.2' as const, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
      /handshake/i,
    ],
    [{ tlsCurvePreferences: [24] }, { ecdhCurve: 'X25519' }, /handshake/i],
  ])('%o refuses clients that offer less', async (options, client, reason) => {
    await serve(options);
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...client });
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(String(error)).toMatch(reason);
  });

  it.each([
    [{ tlsCipherSuites: ['TLS_NONE'] }, "Cipher suite TLS_NONE not supported or doesn't exist"],
    [{ tlsCurvePreferences: [24, 7] }, 'tlsCurvePreferences: curve 7 is not supported; use some of 23 (P-256), 24 (P-384)'],
    [{ tlsCertFile: '/nowhere.crt' }, 'a certificate and its private key go together'],
    [{ tlsCertFile: '/nowhere.crt', tlsPrivateKeyFile: '/nowhere.key' }, 'tlsCertFile /nowhere.crt'],
  ])('%o is refused at the start', async (options, words) => {
    await expect(serve(options)).rejects.toThrow(words);
  });

  it.each([
    ['port', () => ({ port: readOnlyPort })],
    ['readOnlyPort', () => ({ enableServer: false, readOnlyPort })],
    ['healthzPort', () => ({ enableServer: false, healthzPort: readOnlyPort })],
  ])('a %s that another program has is named, with its address and a cure', async (field, ports) => {
    await serve();
    const server = { ...defaultServerOptions, address: '127.0.0.1', healthzPort: 0, ...ports() };
    const other = await TestNode.create({ server });
    await expect(other.kubelet.start()).rejects.toThrow(
      `${field} 127.0.0.1:${readOnlyPort}: another program listens there; end it ("ss -ltnp sport = :${readOnlyPort}" names it), or give another ${field}`,
    );
    await other.remove();
  });

  it("an address that is not the host's is named", async () => {
    await expect(serve({ address: '192.0.2.1' })).rejects.toThrow(
      `port 192.0.2.1:${port}: this host has no address 192.0.2.1; give one that it has as address`,
    );
  });

  it('without the TLS port the others are there', async () => {
    await serve({ enableServer: false });
    await expect(get('/pods')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect((await plain('/pods')).status).toBe(200);
    expect((await plain('/healthz', healthzPort)).status).toBe(200);
    expect(node.kubelet.self().status).not.toHaveProperty('daemonEndpoints');
  });

  it("the TLS port is in the node's status", async () => {
    await serve();
    expect(node.kubelet.self().status?.daemonEndpoints).toEqual({ kubeletEndpoint: { Port: port } });
  });
});

it('the certificate is made once, for the owner alone, and used again', async () => {
  await serve();
  const pki = join(node.root, 'kubelet/pki');
  const made = await readFile(join(pki, 'kubelet.crt'), 'utf8');
  expect(((await stat(join(pki, 'kubelet.key'))).mode & 0o777).toString(8)).toBe('600');
  await node.kubelet.stop({ removePods: false });
  await serve();
  expect(await readFile(join(pki, 'kubelet.crt'), 'utf8')).toBe(made);
  const ca = made;
  const answer = await send(tlsRequest({ host: '127.0.0.1', port, path: '/pods', ca, agent: false, ...bearer('secret') }));
  expect(answer.status).toBe(200);
});

it('the read-only port shows figures, health and pods to anybody, and no more', async () => {
  await serve();
  for (const path of ['/pods', '/stats/summary', '/metrics', '/metrics/cadvisor', '/healthz']) expect((await plain(path)).status).toBe(200);
  for (const path of ['/containerLogs/default/a/main', '/logs/', '/configz', '/runningpods/', '/events'])
    expect((await plain(path)).status).toBe(404);
});

it('the port for health tells of health alone', async () => {
  await serve();
  expect(await plain('/healthz', healthzPort)).toEqual({ status: 200, body: 'ok' });
  expect((await plain('/pods', healthzPort)).status).toBe(404);
});
