import { describe, expect, it } from 'vitest';
import { checkText } from './check-text.ts';

describe('checkText', () => {
  it.each([
    [{ logPath: 'a\0b' }, 'logPath'],
    [{ mounts: [{ hostPath: '/a' }, { hostPath: '/b\0' }] }, 'mounts[1].hostPath'],
    [{ envs: [{ key: 'A', value: Buffer.from('x\0') }] }, 'envs[0].value'],
    [{ linux: { sysctls: { 'a\0': '1' } } }, 'linux.sysctls'],
  ])('names the field of %j', (message, field) => {
    expect(() => checkText(message, 'container a')).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: `container a: ${field} has a NUL character in it` }),
    );
  });

  it('leaves everything else, and labels and annotations whatever they hold', () => {
    checkText({ labels: { a: '\0' }, annotations: { '\0': 'b' }, image: undefined, names: ['a', ''], number: 1n }, 'container a');
  });
});
