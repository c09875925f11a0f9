import { expect, it } from 'vitest';
import { MachineDirectory } from './machine-directory.ts';

it('is refused by what the kernel can hold of a path before the first machine is made', () => {
  expect(() => MachineDirectory.checkLength('/run/berth/machines/vm/of')).not.toThrow();
  // A slash, 16 digits of an id, and a file's name follow.
  expect(() => MachineDirectory.checkLength(`/${'x'.repeat(74)}`)).not.toThrow();
  expect(() => MachineDirectory.checkLength(`/${'x'.repeat(75)}`)).toThrow(
    'the kernel allows 107 for a socket; choose a shorter directory',
  );
});
