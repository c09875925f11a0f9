import { AuthConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { credentialsFor } from './credentials.ts';

describe('credentialsFor', () => {
  const of = (auth: Parameters<typeof AuthConfig.fromPartial>[0], domain = 'registry.example:5000') =>
    credentialsFor(AuthConfig.fromPartial(auth), { api: `https://${domain}/v2`, isOwn: true }, domain);

  it('takes user name and password, the pair as Docker encodes it, or a token', () => {
    const pair = Buffer.from('me:secret').toString('base64');
    expect(of({ username: 'me', password: 'secret' })).toEqual({ basic: `Basic ${pair}` });
    expect(of({ auth: pair })).toEqual({ basic: `Basic ${pair}` });
    expect(of({ identityToken: 'refresh', auth: pair })).toEqual({ identityToken: 'refresh' });
    expect(of({ registryToken: 'bearer' })).toEqual({ registryToken: 'bearer' });
    expect([of({}), credentialsFor(undefined, { api: 'https://registry-1.docker.io/v2', isOwn: true }, 'docker.io')]).toEqual([{}, {}]);
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

  it("are no mirror's unless they name it", () => {
    const mirror = { api: 'https://mirror.example/v2', isOwn: false };
    const at = (serverAddress: string) =>
      credentialsFor(AuthConfig.fromPartial({ registryToken: 't', serverAddress }), mirror, 'registry.example');
    expect([at(''), at('registry.example'), at('mirror.example')]).toEqual([{}, {}, { registryToken: 't' }]);
  });
});
