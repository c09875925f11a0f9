import { AuthConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { credentialsFor, parseChallenge, tokenUrl } from './registry-auth.ts';

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

describe('credentialsFor', () => {
  const of = (auth: Parameters<typeof AuthConfig.fromPartial>[0], domain = 'registry.example:5000') =>
    credentialsFor(AuthConfig.fromPartial(auth), domain);

  it('takes user name and password, the pair as Docker encodes it, or a token', () => {
    const pair = Buffer.from('me:secret').toString('base64');
    expect(of({ username: 'me', password: 'secret' })).toEqual({ basic: `Basic ${pair}` });
    expect(of({ auth: pair })).toEqual({ basic: `Basic ${pair}` });
    expect(of({ identityToken: 'refresh', auth: pair })).toEqual({ identityToken: 'refresh' });
    expect(of({ registryToken: 'bearer' })).toEqual({ registryToken: 'bearer' });
    expect([of({}), credentialsFor(undefined, 'docker.io')]).toEqual([{}, {}]);
  });

  it.each([
    ['registry.example:5000', 'registry.example:5000', true],
    ['https://registry.example:5000/v2/', 'registry.example:5000', true],
    ['https://index.docker.io/v1/', 'docker.io', true],
    ['registry.example', 'registry.example:5000', false],
    ['https://docker.io.evil.example', 'docker.io', false],
    ['://', 'docker.io', false],
  ])('of %s are for %s: %s', (serverAddress, domain, same) => {
    expect(of({ registryToken: 't', serverAddress }, domain)).toEqual(same ? { registryToken: 't' } : {});
  });
});
