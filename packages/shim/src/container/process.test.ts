import { ContainerConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import type { ImageConfig } from '../image/images.ts';
import { processArguments, processEnvironment, workingDirectory } from './process.ts';

const image: ImageConfig = {
  entrypoint: ['/entry'],
  cmd: ['from', 'image'],
  env: ['A=image', 'B=image'],
  workingDir: '/srv',
  user: '',
  stopSignal: '',
  volumes: [],
};
const empty: ImageConfig = { ...image, entrypoint: [], cmd: [], env: [], workingDir: '' };

function config(fields: Parameters<typeof ContainerConfig.fromPartial>[0]): ContainerConfig {
  return ContainerConfig.fromPartial(fields);
}

describe('processArguments', () => {
  it.each([
    ['nothing asked', {}, ['/entry', 'from', 'image']],
    ['args alone replace the arguments of the image', { args: ['x'] }, ['/entry', 'x']],
    ['command alone drops entrypoint and arguments of the image', { command: ['/bin/c'] }, ['/bin/c']],
    ['command and args replace both', { command: ['/bin/c'], args: ['x'] }, ['/bin/c', 'x']],
  ])('%s', (_what, fields, expected) => {
    expect(processArguments(config(fields), image, 'container c')).toEqual(expected);
  });

  it('is an error where nobody says what to run', () => {
    expect(() => processArguments(config({}), empty, 'container c')).toThrow(
      /container c: neither the image nor the container says what to run/,
    );
  });
});

describe('processEnvironment', () => {
  it('puts the request after the image, and a variable of the same name in its place', () => {
    const envs = [
      { key: 'B', value: Buffer.from('request') },
      { key: 'C', value: Buffer.from('x=y') },
    ];
    expect(processEnvironment(config({ envs }), image, 'web', 'container c')).toEqual([
      expect.stringMatching(/^PATH=/),
      'HOSTNAME=web',
      'A=image',
      'B=request',
      'C=x=y',
    ]);
  });

  it("keeps the image's PATH", () => {
    expect(processEnvironment(config({}), { ...empty, env: ['PATH=/only'] }, '', 'container c')).toEqual(['PATH=/only']);
  });

  it('sets TERM for a terminal', () => {
    expect(processEnvironment(config({ tty: true }), empty, '', 'container c')).toContain('TERM=xterm');
  });

  it('refuses bytes that are no text, naming the variable', () => {
    const envs = [{ key: 'BAD', value: Buffer.from([0xff]) }];
    expect(() => processEnvironment(config({ envs }), empty, '', 'container c')).toThrow(/container c: the value of BAD is not UTF-8/);
  });
});

describe('workingDirectory', () => {
  it('is that of the request, else of the image, else /', () => {
    expect(workingDirectory(config({ workingDir: '/w' }), image, 'container c')).toBe('/w');
    expect(workingDirectory(config({}), image, 'container c')).toBe('/srv');
    expect(workingDirectory(config({}), empty, 'container c')).toBe('/');
  });

  it("is below the root where the image's is relative", () => {
    expect(workingDirectory(config({}), { ...empty, workingDir: 'app/' }, 'container c')).toBe('/app/');
  });
});
