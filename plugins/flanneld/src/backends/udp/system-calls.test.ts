import { closeSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { socketAddress, systemCalls } from './system-calls.ts';

const loopback = 0x7f000001;
/** Of documentation (RFC 5737): no host has it. */
const nowhere = 0xc0000201;
const port = 8285;

it.skipIf(process.platform !== 'linux')('a socket that can not be bound is closed, and named with its cure (needs Linux)', () => {
  const calls = systemCalls();
  const bind = (address: number) => () => calls.bindUdp(socketAddress(address, port));
  const taken = bind(loopback)();
  try {
    const before = readdirSync('/proc/self/fd').length;
    expect(bind(loopback)).toThrow('UDP socket of 127.0.0.1:8285: bind failed: EADDRINUSE; end the program that has the port');
    expect(bind(nowhere)).toThrow('UDP socket of 192.0.2.1:8285: bind failed: EADDRNOTAVAIL; give the address back');
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  } finally {
    closeSync(taken);
  }
});
