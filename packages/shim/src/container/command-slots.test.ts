import { expect, it } from 'vitest';
import { CommandSlots } from './command-slots.ts';

it('no more commands run at once than may, and each that ends makes room for one', () => {
  const slots = new CommandSlots(2);
  const leave = slots.enter('container a');
  slots.enter('container b');
  expect(() => slots.enter('container c')).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  leave();
  slots.enter('container c');
  expect(() => slots.enter('container d')).toThrow('container d: 2 commands of ExecSync are running; try again');
});
