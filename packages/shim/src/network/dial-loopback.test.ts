import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withoutRoot } from '../../testing/test-shim.ts';
import { runProgram } from '../run-program.ts';
import { pinNamespaces, unpinNamespaces } from '../sandbox/sandbox-namespaces.ts';
import { dialLoopback } from './dial-loopback.ts';

const signal = AbortSignal.timeout(20_000);

/** Answers each connection with the network namespace that it runs in, and prints its port. */
const program = `
  const server = require('node:net').createServer((socket) => socket.end(require('node:fs').readlinkSync('/proc/self/ns/net')));
  server.listen(0, process.argv[1], () => console.log(server.address().port));
`;

describe.skipIf(withoutRoot !== false)(`dialLoopback in a network namespace${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let directory: string;
  let namespace: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-dial-'));
    namespace = (await pinNamespaces(directory, ['network'], '', signal)).network ?? '';
    await runProgram('nsenter', [`--net=${namespace}`, 'ip', 'link', 'set', 'lo', 'up'], { signal });
  });

  afterEach(async () => {
    await unpinNamespaces(directory, signal);
    await rm(directory, { recursive: true, force: true });
  });

  it.each(['127.0.0.1', '::1'])('reaches what listens on %s there, and stays where it is', async (address) => {
    const own = readlinkSync('/proc/self/ns/net');
    const listener = spawn('nsenter', [`--net=${namespace}`, process.execPath, '-e', program, address]);
    try {
      const [port] = (await once(listener.stdout, 'data')) as [Buffer];
      const answer = await text(await dialLoopback(namespace, Number(port), signal));
      expect(answer).toMatch(/^net:\[\d+\]$/);
      expect(answer).not.toBe(own);
      expect(readlinkSync('/proc/thread-self/ns/net')).toBe(own);
    } finally {
      listener.kill('SIGKILL');
      await once(listener, 'close');
    }
  });

  it('says that nothing listens there, though something does on the host', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(dialLoopback(namespace, port, signal)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/ECONNREFUSED 127\.0\.0\.1.*; .*ECONNREFUSED ::1/),
    });
    server.close();
  });
});
