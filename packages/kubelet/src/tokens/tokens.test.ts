import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryObjects } from '../../testing/memory-objects.ts';
import { CachedTokens } from './cached-tokens.ts';
import { defaultIssuer, LocalTokens } from './local-tokens.ts';
import type { IssuedToken, TokenRequest } from './token-source.ts';

const start = new Date('2026-11-22T06:00:00Z');
const { signal } = new AbortController();
const request: TokenRequest = {
  namespace: 'shop',
  serviceAccount: 'default',
  audiences: [],
  expirationSeconds: 3600,
  pod: { name: 'web', uid: 'u1' },
  nodeName: 'n1',
};

let directory: string;
let now: Date;
const clock = { now: () => now, after: () => () => undefined };

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'berth-tokens-')), 'pki');
  now = start;
});

afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

const local = (objects = new MemoryObjects()) => new LocalTokens({ directory, objects, clock });
const check = async (token: string, audience = defaultIssuer) => {
  const key = createPublicKey(await readFile(join(directory, 'service-account.pub')));
  return jwtVerify(token, key, { issuer: defaultIssuer, audience, currentDate: now });
};

describe('a token that the node signs', () => {
  it('has the claims of one of an API server', async () => {
    const { token, expiresAt } = await local().token(request, signal);
    const { payload, protectedHeader } = await check(token);
    expect(payload).toEqual({
      iss: defaultIssuer,
      aud: [defaultIssuer],
      sub: 'system:serviceaccount:shop:default',
      iat: start.getTime() / 1000,
      nbf: start.getTime() / 1000,
      exp: start.getTime() / 1000 + 3600,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'kubernetes.io': {
        namespace: 'shop',
        node: { name: 'n1' },
        pod: { name: 'web', uid: 'u1' },
        serviceaccount: { name: 'default', uid: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      },
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: expect.any(String) });
    expect(expiresAt).toEqual(new Date(start.getTime() + 3_600_000));
  });

  it('is for the audience that was asked for, and for no other', async () => {
    const { token } = await local().token({ ...request, audiences: ['vault'] }, signal);
    await expect(check(token, 'vault')).resolves.toBeDefined();
    await expect(check(token)).rejects.toThrow('"aud"');
  });

  it('is signed by a key that only the node can read, and that a restart keeps', async () => {
    await local().token(request, signal);
    const { mode } = await stat(join(directory, 'service-account.key'));
    const { token } = await local().token(request, signal);
    expect([mode & 0o777, (await stat(directory)).mode & 0o777]).toEqual([0o600, 0o700]);
    await expect(check(token)).resolves.toBeDefined();
  });

  it('has the uid of the account, which has to be there unless it is default', async () => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'builder', namespace: 'shop', uid: 'sa-1' } } as const;
    const { token } = await local(new MemoryObjects(account)).token({ ...request, serviceAccount: 'builder' }, signal);
    expect((await check(token)).payload['kubernetes.io']).toMatchObject({ serviceaccount: { name: 'builder', uid: 'sa-1' } });
    await expect(local().token({ ...request, serviceAccount: 'builder' }, signal)).rejects.toThrow('serviceaccounts "builder" not found');
  });
});

describe('a token is kept', () => {
  let issued: number;
  let failing: boolean;
  const lifeMs = (seconds: number) => seconds * 1000;
  const later = (seconds: number) => {
    now = new Date(start.getTime() + seconds * 1000);
  };
  const source = {
    token: async ({ expirationSeconds }: TokenRequest): Promise<IssuedToken> => {
      if (failing) throw new Error('nobody answers');
      return { token: `t${issued++}`, issuedAt: now, expiresAt: new Date(now.getTime() + lifeMs(expirationSeconds)) };
    },
  };

  beforeEach(() => {
    [issued, failing] = [0, false];
  });

  it.each([
    ['until 80 % of its life are over', 3600, 2800, 't0'],
    ['no longer', 3600, 2881, 't1'],
    ['for a day at most', 14 * 24 * 3600, 24 * 3600 + 1, 't1'],
    ['for most of a day', 14 * 24 * 3600, 24 * 3600 - 60, 't0'],
  ])('%s', async (_what, expirationSeconds, afterSeconds, token) => {
    const tokens = new CachedTokens(source, clock);
    await tokens.token({ ...request, expirationSeconds }, signal);
    later(afterSeconds);
    expect((await tokens.token({ ...request, expirationSeconds }, signal)).token).toBe(token);
  });

  it('as long as it is good while there is no other', async () => {
    const tokens = new CachedTokens(source, clock);
    await tokens.token(request, signal);
    failing = true;
    later(3500);
    expect((await tokens.token(request, signal)).token).toBe('t0');
    later(3601);
    await expect(tokens.token(request, signal)).rejects.toThrow('nobody answers');
  });

  it('for its own request', async () => {
    const tokens = new CachedTokens(source, clock);
    const both = [await tokens.token(request, signal), await tokens.token({ ...request, pod: { name: 'web', uid: 'u2' } }, signal)];
    expect(both.map(({ token }) => token)).toEqual(['t0', 't1']);
  });
});
