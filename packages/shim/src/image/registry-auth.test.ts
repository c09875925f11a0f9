import { AuthConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { basicAuthorization, parseChallenge, tokenUrl } from './registry-auth.ts';

describe('parseChallenge', () => {
  it.each([
    ['Basic realm="Registry"', { scheme: 'basic', parameters: { realm: 'Registry' } }],
    [
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      {
        scheme: 'bearer',
        parameters: { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a/b:pull,push' },
      },
    ],
    [
      'bearer realm=plain, error="insufficient \\"scope\\""',
      { scheme: 'bearer', parameters: { realm: 'plain', error: 'insufficient "scope"' } },
    ],
    ['', { scheme: '', parameters: {} }],
  ])('reads %j', (header, challenge) => {
    expect(parseChallenge(header)).toEqual(challenge);
  });
});

describe('tokenUrl', () => {
  it('asks for the scope of the challenge, or to pull the repository', () => {
    const realm = 'https://auth.example/token';
    expect(tokenUrl({ scheme: 'bearer', parameters: { realm, scope: 'repository:a:pull' } }, 'b')?.href).toBe(
      `${realm}?scope=repository%3Aa%3Apull`,
    );
    expect(tokenUrl({ scheme: 'bearer', parameters: { realm, service: 's' } }, 'b')?.href).toBe(
      `${realm}?service=s&scope=repository%3Ab%3Apull`,
    );
  });

  it('is undefined for a realm that is no address', () => {
    expect(tokenUrl({ scheme: 'bearer', parameters: { realm: 'x' } }, 'b')).toBeUndefined();
  });
});

describe('basicAuthorization', () => {
  it('takes user name and password, or the pair as Docker encodes it', () => {
    const pair = Buffer.from('me:secret').toString('base64');
    expect(basicAuthorization(AuthConfig.fromPartial({ username: 'me', password: 'secret' }))).toBe(`Basic ${pair}`);
    expect(basicAuthorization(AuthConfig.fromPartial({ auth: pair }))).toBe(`Basic ${pair}`);
    expect(basicAuthorization(AuthConfig.fromPartial({}))).toBeUndefined();
    expect(basicAuthorization(undefined)).toBeUndefined();
  });
});
