import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageRegistry } from './image-registry.ts';

const credentials = { username: 'ann', password: 'secret' };

describe('TokenServer', () => {
  let registry: ImageRegistry;
  beforeAll(async () => {
    registry = await ImageRegistry.start();
  });
  afterAll(() => registry.close());

  const get = (path: string, init?: RequestInit) => fetch(`http://${registry.host}${path}`, init);
  const tags = (name: string, authorization?: string) => get(`/v2/${name}/tags/list`, authorization ? { headers: { authorization } } : {});
  const query = (name: string) => new URLSearchParams({ service: registry.host, scope: `repository:${name}:pull` });
  const tokenOf = async (response: Response) => ((await response.json()) as { token: string }).token;

  it('is named by the challenge, and gives a token that opens that repository and no other', async () => {
    registry.addRepository('open', { token: {} });
    registry.addRepository('other', { token: {} });
    const refused = await tags('open');
    const challenge = `Bearer realm="http://${registry.host}/token",service="${registry.host}",scope="repository:open:pull"`;
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, challenge]);
    const token = await tokenOf(await get(`/token?${query('open')}`));
    expect((await tags('open', `Bearer ${token}`)).status).toBe(200);
    expect((await tags('other', `Bearer ${token}`)).status).toBe(401);
  });

  it('wants the credentials, by HTTP Basic or in a form', async () => {
    registry.addRepository('private', { token: { credentials } });
    expect((await get(`/token?${query('private')}`)).status).toBe(401);
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    const form = new URLSearchParams([...query('private'), ...Object.entries({ grant_type: 'password', ...credentials })]);
    for (const response of [
      await get(`/token?${query('private')}`, { headers: { authorization } }),
      await get('/token', { method: 'POST', body: form }),
    ])
      expect((await tags('private', `Bearer ${await tokenOf(response)}`)).status).toBe(200);
  });

  it('exchanges a refresh token', async () => {
    registry.addRepository('refreshed', { token: { identityToken: 'mine' } });
    const exchange = (refreshToken: string) =>
      get('/token', { method: 'POST', body: new URLSearchParams([...query('refreshed'), ['refresh_token', refreshToken]]) });
    expect((await exchange('another')).status).toBe(401);
    expect((await tags('refreshed', `Bearer ${await tokenOf(await exchange('mine'))}`)).status).toBe(200);
  });

  it('gives no token where the registry takes only one that was agreed on', async () => {
    registry.addRepository('agreed', { token: { registryToken: 'agreed' } });
    expect((await get(`/token?${query('agreed')}`)).status).toBe(401);
    expect((await tags('agreed', 'Bearer agreed')).status).toBe(200);
  });

  it('refuses another service and an unknown repository', async () => {
    const other = query('open');
    other.set('service', 'other');
    for (const asked of [other, query('unknown')]) expect((await get(`/token?${asked}`)).status).toBe(400);
  });
});
