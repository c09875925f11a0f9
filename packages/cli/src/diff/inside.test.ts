import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { insideCommand, readInside } from './inside.ts';

const none = Buffer.alloc(0);

describe('insideCommand', () => {
  it.skipIf(process.platform !== 'linux')('is answered by a Linux shell', () => {
    const [shell = '', ...args] = insideCommand;
    const answers = readInside({ stdout: execFileSync(shell, args), stderr: none, exitCode: 0 });
    expect(answers).toMatchObject({ kernel: expect.stringMatching(/^Linux \d/), user: expect.stringMatching(/^\d+ \d+$/) });
    expect(answers['root file system']).toMatch(/^\w+/);
  });
});

describe('readInside', () => {
  it('leaves out what is no answer', () => {
    expect(readInside({ stdout: Buffer.from('noise\nkernel=Linux 6.1\nelse=3\ncpus=\n'), stderr: none, exitCode: 0 })).toEqual({
      kernel: 'Linux 6.1',
      cpus: '',
    });
  });

  it('says why a container could not be asked', () => {
    expect(readInside({ stdout: none, stderr: Buffer.from('sh: bad\n'), exitCode: 2 })).toEqual({ inside: '(exit status 2: sh: bad)' });
  });
});
