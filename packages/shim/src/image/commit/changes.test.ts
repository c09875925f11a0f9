import { describe, expect, it } from 'vitest';
import { applyChanges } from './changes.ts';

describe('applyChanges', () => {
  const image = {
    Cmd: ['serve'],
    Entrypoint: ['/init'],
    Env: ['PATH=/bin', 'A=0'],
    User: 'app',
    WorkingDir: '/srv',
    Labels: { kept: 'yes' },
  };

  it.each([
    ['CMD ["cat", "/note"]', { Cmd: ['cat', '/note'] }],
    ['cmd echo "$A"', { Cmd: ['/bin/sh', '-c', 'echo "$A"'] }],
    ['ENTRYPOINT ["/start"]', { Entrypoint: ['/start'], Cmd: null }],
    ['ENV A=1 B="x y" C=\'$z\' D=a\\ b', { Env: ['PATH=/bin', 'A=1', 'B=x y', 'C=$z', 'D=a b'] }],
    ['ENV A value with blanks', { Env: ['PATH=/bin', 'A=value with blanks'] }],
    ['LABEL version=2', { Labels: { kept: 'yes', version: '2' } }],
    ['USER 1000:1000', { User: '1000:1000' }],
    ['WORKDIR data', { WorkingDir: '/srv/data' }],
    ['WORKDIR /data', { WorkingDir: '/data' }],
    ['STOPSIGNAL SIGINT', { StopSignal: 'SIGINT' }],
  ])('%s', (change, expected) => {
    expect(applyChanges(image, [change])).toEqual({ ...image, ...expected });
  });

  it('keeps a CMD that comes with an ENTRYPOINT, in either order', () => {
    for (const changes of [
      ['CMD ["a"]', 'ENTRYPOINT ["b"]'],
      ['ENTRYPOINT ["b"]', 'CMD ["a"]'],
    ]) {
      expect(applyChanges(image, changes)).toMatchObject({ Cmd: ['a'], Entrypoint: ['b'] });
    }
  });

  it.each([
    ['RUN make', 'a commit takes CMD, ENTRYPOINT'],
    ['CMD', 'write an instruction and its value'],
    ['CMD ["a"', 'a list of JSON strings'],
    ['CMD [1]', 'a list of JSON strings'],
    ['ENV A', 'write NAME=VALUE'],
    ['ENV A="1', 'close the quotes'],
  ])('refuses %s', (change, hint) => {
    expect(() => applyChanges(image, [change])).toThrow(hint);
  });
});
