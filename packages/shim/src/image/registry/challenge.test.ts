import { describe, expect, it } from 'vitest';
import { parseChallenges, tokenUrl } from './challenge.ts';

describe('parseChallenges', () => {
  it.each([
    ['Basic realm="Registry"', [{ scheme: 'basic', parameters: { realm: 'Registry' } }]],
    [
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a/b:pull,push' },
        },
      ],
    ],
    [
      'bearer realm=plain, error="insufficient \\"scope\\""',
      [{ scheme: 'bearer', parameters: { realm: 'plain', error: 'insufficient "scope"' } }],
    ],
    [
      'Negotiate, Basic realm="a, b", Bearer realm="https://auth.example", service=s',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'a, b' } },
        { scheme: 'bearer', parameters: { realm: 'https://auth.example', service: 's' } },
      ],
    ],
    ['', []],
  ])('reads %j', (header, challenges) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });
});

describe('tokenUrl', () => {
  const realm = 'https://auth.example/token';
  const of = (parameters: Record<string, string>) => tokenUrl({ scheme: 'bearer', parameters }, 'repository:b:pull')?.href;

  it('asks for each scope of the challenge, or for the one that is needed', () => {
    expect(of({ realm, scope: 'repository:a:pull' })).toBe(`${realm}?scope=repository%3Aa%3Apull`);
    expect(of({ realm, scope: 'repository:a:pull,push repository:c:pull' })).toBe(
      `${realm}?scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ac%3Apull`,
    );
    expect(of({ realm, service: 's' })).toBe(`${realm}?service=s&scope=repository%3Ab%3Apull`);
  });

  it('is undefined for a realm that is no address', () => {
    expect(of({ realm: 'x' })).toBeUndefined();
  });
});
