import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { leaveDeadSocket } from './dead-socket.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-dead-socket-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

it('leaves a socket that nobody listens on, though somebody connects while it is made', async () => {
  const socket = join(directory, 'kubelet.sock');
  const leaving = leaveDeadSocket(socket);
  // It listens by now, under the name that it has at first.
  const early = connect(`${socket}.made`)
    .on('error', () => undefined)
    .resume();
  const letGo = new Promise((resolve) => early.on('close', resolve));
  await leaving;
  await letGo;
  expect(readdirSync(directory)).toEqual(['kubelet.sock']);
  const [error] = await once(connect(socket), 'error');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});
