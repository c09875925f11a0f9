import { expect, it } from 'vitest';
import { joinDeviceNumber, splitDeviceNumber } from './device-number.ts';

it.each([
  [0n, 0, 0],
  [0x103n, 1, 3],
  [0xfffffn, 0xfff, 0xff],
  [0x100000n, 0, 0x100],
  [0x1000_0000_0000n, 0x1000, 0],
  [0xffff_ffff_ffff_ffffn, 0xffff_ffff, 0xffff_ffff],
])('%d is the device %i:%i', (number, major, minor) => {
  expect(splitDeviceNumber(number)).toEqual({ major, minor });
  expect(joinDeviceNumber({ major, minor })).toBe(number);
});

it('splits a number as stat gives it by default', () => expect(splitDeviceNumber(0x103)).toEqual({ major: 1, minor: 3 }));
