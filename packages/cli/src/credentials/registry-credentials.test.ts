import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { credentialHelper } from './credential-helper.ts';
import { defaultAuthFile } from './docker-config.ts';
import { registryCredentials } from './registry-credentials.ts';

const pair = (text: string) => Buffer.from(text).toString('base64');

describe('registryCredentials', () => {
  let directory: string;
  let authfile: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-credentials-'));
    authfile = join(directory, 'config.json');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  const write = (config: unknown) => writeFile(authfile, JSON.stringify(config));
  const helper = (name: string, script: string) =>
    writeFile(join(directory, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

  it('are those of --creds, of which the password may have colons', async () => {
    expect(await registryCredentials('a.example/app', { creds: 'me:se:cret' })).toMatchObject({ username: 'me', password: 'se:cret' });
    await expect(registryCredentials('a.example/app', { creds: ':x' })).rejects.toThrow('--creds: the user is missing');
  });

  it('are of the registry, or of the part of it that the file names', async () => {
    await write({
      auths: {
        'https://index.docker.io/v1/': { auth: pair('hub:x') },
        'a.example:5000': { auth: pair('all:x') },
        'a.example:5000/team/app': { identitytoken: 'refresh', auth: pair('<token>:') },
      },
    });
    expect(await registryCredentials('busybox', { authfile })).toMatchObject({ auth: pair('hub:x') });
    expect(await registryCredentials('a.example:5000/other:1', { authfile })).toMatchObject({ auth: pair('all:x') });
    expect(await registryCredentials('a.example:5000/team/app/web', { authfile })).toMatchObject({ identityToken: 'refresh' });
    expect(await registryCredentials('a.example/team/app', { authfile })).toBeUndefined();
  });

  it('are asked of a helper program, which may know none', async () => {
    vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
    await helper('all', `read server; printf '{"ServerURL":"%s","Username":"me","Secret":"of %s"}' "$server" "$server"`);
    await helper('token', `printf '{"Username":"<token>","Secret":"refresh"}'`);
    await helper('none', 'echo credentials not found in native keychain; exit 1');
    await write({
      credsStore: 'all',
      credHelpers: { 'token.example': 'token', 'none.example': 'none', 'lost.example': 'lost', 'bad.example': '../bad' },
      auths: { 'none.example': { auth: pair('file:x') } },
    });
    expect(await registryCredentials('a.example/app', { authfile })).toMatchObject({ username: 'me', password: 'of a.example' });
    expect(await registryCredentials('busybox', { authfile })).toMatchObject({ password: 'of https://index.docker.io/v1/' });
    expect(await registryCredentials('token.example/app', { authfile })).toMatchObject({ identityToken: 'refresh' });
    expect(await registryCredentials('none.example/app', { authfile })).toMatchObject({ auth: pair('file:x') });
    await expect(registryCredentials('lost.example/app', { authfile })).rejects.toThrow('credential helper docker-credential-lost: ');
    await expect(registryCredentials('bad.example/app', { authfile })).rejects.toThrow('its name has characters that no program has');
  });

  it('are not waited for where a helper goes on and on', async () => {
    vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
    await helper('slow', "trap '' TERM; while :; do sleep 0.1; done");
    await expect(credentialHelper('slow', 'a.example', 200)).rejects.toThrow(
      "credential helper docker-credential-slow: it didn't answer within 0.2 s; ",
    );
  });

  it('are not told by the error for a broken file', async () => {
    await writeFile(authfile, '{"auths": {"a": {"auth": "secret}');
    await expect(registryCredentials('a.example/app', { authfile })).rejects.toThrow(
      /config\.json: it is no JSON object; give a(?!.*secret)/,
    );
    await expect(registryCredentials('a.example/app', { authfile: join(directory, 'none') })).rejects.toThrow(join(directory, 'none'));
  });

  it("are the user's own without any option, where there are any", async () => {
    expect(defaultAuthFile({ DOCKER_CONFIG: directory })).toBeUndefined();
    await write({});
    expect(defaultAuthFile({ DOCKER_CONFIG: directory })).toBe(authfile);
    expect(defaultAuthFile({ DOCKER_CONFIG: directory, REGISTRY_AUTH_FILE: '/auth.json' })).toBe('/auth.json');
  });
});
