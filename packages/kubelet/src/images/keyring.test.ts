import { describe, expect, it } from 'vitest';
import { parseDockerCfg, parseDockerConfigJson } from './docker-config.ts';
import { Keyring, passwordLogin } from './keyring.ts';

const auth = (user: string) => ({ auth: Buffer.from(`${user}:secret:with:colons`).toString('base64') });

function usersFor(repository: string, auths: Record<string, object>): string[] {
  const keyring = new Keyring();
  keyring.add(parseDockerConfigJson(JSON.stringify({ auths }), 'secret a/b'));
  return keyring.lookUp(repository).map(({ username }) => username);
}

describe('logins for a repository', () => {
  it.each<[what: string, repository: string, auths: string[], found: string[]]>([
    ['of its registry', 'registry.example/app', ['registry.example', 'other.example'], ['registry.example']],
    [
      'the most particular one first',
      'registry.example/team/app',
      ['registry.example', '*.example', 'registry.example/team/app', 'registry.example/team'],
      ['registry.example/team/app', 'registry.example/team', 'registry.example', '*.example'],
    ],
    ['named with a scheme and a version', 'registry.example/app', ['https://registry.example/v1/'], ['https://registry.example/v1/']],
    ['of the default registry', 'docker.io/library/busybox', ['https://index.docker.io/v1/'], ['https://index.docker.io/v1/']],
    ['not of the default registry', 'quay.example/busybox', ['https://index.docker.io/v1/'], []],
  ])('%s', (_what, repository, names, found) => {
    expect(usersFor(repository, Object.fromEntries(names.map((name) => [name, { username: name, password: 'p' }])))).toEqual(found);
  });

  it('of several keys are all kept', () => {
    const keyring = new Keyring();
    keyring.add(new Map([['registry.example', passwordLogin('first', 'a')]]));
    keyring.add(new Map([['registry.example', passwordLogin('second', 'b')]]));
    expect(keyring.lookUp('registry.example/app').map(({ username }) => username)).toEqual(['first', 'second']);
  });
});

describe("docker's files", () => {
  it('hold user and password in auth, or apart, or a token', () => {
    const entries = { 'a.example': auth('berth'), 'b.example': { username: 'u', password: 'p' }, 'c.example': { identitytoken: 't' } };
    for (const logins of [parseDockerConfigJson(JSON.stringify({ auths: entries }), 'x'), parseDockerCfg(JSON.stringify(entries), 'x')]) {
      expect(logins.get('a.example')).toMatchObject({ username: 'berth', password: 'secret:with:colons' });
      expect(logins.get('b.example')).toMatchObject({ username: 'u', password: 'p' });
      expect(logins.get('c.example')).toMatchObject({ identityToken: 't' });
    }
  });

  it.each(['hunter2', '[]', '{"auths":{"a":"hunter2"}}', `{"auths":{"a":{"auth":"${btoa('hunter2')}"}}}`])(
    '%s is none, and is not quoted',
    (text) => {
      const error = (() => {
        try {
          return parseDockerConfigJson(text, 'secret default/s');
        } catch (thrown) {
          return thrown as Error;
        }
      })();
      expect(error).toMatchObject({ message: expect.stringMatching(/^secret default\/s: it holds no logins of registries; make it as/) });
      expect(String(error)).not.toContain('hunter2');
    },
  );
});
