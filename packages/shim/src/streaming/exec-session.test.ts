import { SpdyClient, upgrade } from '@berth/conformance/spdy-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';
import { WebSocketClient } from '../../testing/websocket-client.ts';

let shim: TestShim;
let containerId: string;

beforeEach(async () => {
  shim = await TestShim.start();
  containerId = await shim.runContainer(await shim.runPod());
});

afterEach(() => shim.close());

async function exec(cmd: string[], streams: { stdin?: boolean; tty?: boolean } = {}): Promise<string> {
  const { stdin = false, tty = false } = streams;
  return (await shim.runtime.exec({ containerId, cmd, stdin, tty, stdout: true, stderr: !tty })).url;
}

const nonZero = (code: number) => ({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
});

describe('exec over WebSocket', () => {
  it('gives output, errors and exit code', async () => {
    const client = await WebSocketClient.open(await exec(['sh', '-c', 'echo out; echo err >&2; exit 3']));
    expect(await client.status()).toMatchObject(nonZero(3));
    expect([client.received(1), client.received(2)]).toEqual(['out\n', 'err\n']);
  });

  it('ends input at the close signal of v5, and says Success', async () => {
    const client = await WebSocketClient.open(await exec(['cat'], { stdin: true }));
    client.send(0, 'one ');
    client.send(0, 'two');
    client.socket.send(Buffer.from([255, 0]));
    expect(await client.status()).toMatchObject({ status: 'Success' });
    expect(client.received(1)).toBe('one two');
  });

  it('begins with an empty message, for a command that prints nothing', async () => {
    const client = await WebSocketClient.open(await exec(['sleep', '60']));
    await expect.poll(() => client.messages).toBe(1);
    client.socket.terminate();
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
  });

  it.each(['channel.k8s.io', ''])('tells a client of %j of a failure in words', async (protocol) => {
    const client = await WebSocketClient.open(await exec(['sh', '-c', 'exit 3']), protocol ? [protocol] : []);
    await client.closed;
    expect(client.received(3)).toBe('command terminated with non-zero exit code: exit status 3');
  });

  it.each(['base64.channel.k8s.io', 'v4.base64.channel.k8s.io'])('speaks %s as text', async (protocol) => {
    const client = await WebSocketClient.open(await exec(['sh', '-c', 'read line; echo "<$line>"'], { stdin: true }), protocol);
    client.socket.send(`0${Buffer.from('hello\n').toString('base64')}`);
    await client.closed;
    expect(Buffer.from(client.received(0x31), 'base64').toString()).toBe('<hello>\n');
  });

  it('passes on the sizes of the terminal', async () => {
    const command = ['sh', '-c', 'read size; echo "$size"; read size; echo "$size"'];
    const client = await WebSocketClient.open(await exec(command, { tty: true }));
    client.send(4, '{"Width":80,"Height":24}');
    client.send(4, 'garbage');
    client.send(4, '{"Width":0,"Height":1e9}{"Width":132,"Height":43}\n');
    await client.status();
    expect(client.received(1)).toBe('80x24\n132x43\n');
  });

  it('kills a command with a terminal when the client goes, and lets any other go on without input', async () => {
    const marks = `${shim.directory}/mark`;
    const script = (name: string) => ['sh', '-c', `echo $$; cat >/dev/null; echo ended > ${marks}-${name}`];
    const [plain, terminal] = [
      await WebSocketClient.open(await exec(script('plain'), { stdin: true })),
      await WebSocketClient.open(await exec(script('tty'), { stdin: true, tty: true })),
    ];
    await expect.poll(() => plain.received(1) && terminal.received(1)).toMatch(/\d/);
    const pid = Number(terminal.received(1));
    for (const client of [plain, terminal]) client.socket.terminate();
    await expect.poll(() => shim.files(), { timeout: 5000 }).toContain('mark-plain');
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(await shim.files()).not.toContain('mark-tty');
  });

  it('lets a slow client hold up the command, not fill memory', async () => {
    const total = 256 * 1024 * 1024;
    const client = await WebSocketClient.open(await exec(['sh', '-c', `echo $$; exec head -c ${total} /dev/zero`]));
    await expect.poll(() => client.messages).toBeGreaterThan(1);
    client.socket.pause();
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    client.socket.terminate();
  });

  it('says what could not be run', async () => {
    const url = await exec(['true']);
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    const client = await WebSocketClient.open(url);
    expect(await client.status()).toMatchObject({
      status: 'Failure',
      reason: 'InternalError',
      message: expect.stringMatching(/error executing command in container: container main .* it is exited/),
    });
  });

  it('refuses protocols that it does not know', async () => {
    const url = await exec(['true']);
    const refused = upgrade(url, {
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': 'v9.channel.k8s.io',
    });
    await expect(refused).rejects.toMatchObject({ status: 403, message: expect.stringContaining('v5.channel.k8s.io') });
  });
});

describe('Exec', () => {
  it('refuses no stream at all, stderr beside a terminal, an empty command, and a container that has ended', async () => {
    const request = { containerId, cmd: ['true'], stdin: false, stdout: true, stderr: true, tty: false };
    await expect(shim.runtime.exec({ ...request, stdout: false, stderr: false })).rejects.toThrow(/none of stdin, stdout and stderr/);
    await expect(shim.runtime.exec({ ...request, tty: true })).rejects.toThrow(/tty and stderr are both asked for/);
    await expect(shim.runtime.exec({ ...request, cmd: [] })).rejects.toThrow(/cmd is empty/);
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    await expect(shim.runtime.exec(request)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(shim.runtime.exec({ ...request, containerId: 'f'.repeat(64) })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('refuses input and a terminal where the runtime has none, and serves the rest', async () => {
    const other = await TestShim.start({ features: { interactive: false } });
    try {
      const request = { containerId: await other.runContainer(await other.runPod()), cmd: ['echo', 'hello'], stdin: false, stdout: true };
      for (const field of ['stdin', 'tty']) {
        await expect(other.runtime.exec({ ...request, stderr: false, tty: false, [field]: true })).rejects.toMatchObject({
          code: 'UNIMPLEMENTED',
          message: expect.stringContaining(`${field}: the runtime process gives commands neither input nor a terminal`),
        });
      }
      const client = await WebSocketClient.open((await other.runtime.exec({ ...request, stderr: true, tty: false })).url);
      expect(await client.status()).toMatchObject({ status: 'Success' });
      expect(client.received(1)).toBe('hello\n');
    } finally {
      await other.close();
    }
  });
});

describe('exec with a terminal', () => {
  it('is refused where containers are refused one, by the same reason', async () => {
    const other = await TestShim.start({ features: { refused: [{ field: 'tty', reason: 'there are no terminals' }] } });
    try {
      const request = {
        containerId: await other.runContainer(await other.runPod()),
        cmd: ['cat'],
        stdin: true,
        stdout: true,
        stderr: false,
      };
      await expect(other.runtime.exec({ ...request, tty: true })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('tty: there are no terminals'),
      });
      expect((await other.runtime.exec({ ...request, tty: false })).url).toMatch(/^http/);
    } finally {
      await other.close();
    }
  });
});

describe('exec over SPDY', () => {
  async function open(url: string, types: string[], version?: string): Promise<{ client: SpdyClient; streams: Record<string, number> }> {
    const client = await SpdyClient.open(url, version);
    const streams: Record<string, number> = {};
    for (const type of types) streams[type] = await client.openStream({ streamtype: type });
    return { client, streams };
  }

  it('gives output, errors and exit code', async () => {
    const url = await exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    const { client, streams } = await open(url, ['error', 'stdout', 'stderr']);
    await client.ended([streams.stdout ?? 0, streams.stderr ?? 0, streams.error ?? 0]);
    const text = (type: string) => client.received(streams[type] ?? 0);
    expect(JSON.parse(text('error'))).toMatchObject(nonZero(3));
    expect([text('stdout'), text('stderr')]).toEqual(['out\n', 'err\n']);
  });

  it('ends input at FIN, over a megabyte of it', async () => {
    const { client, streams } = await open(await exec(['sh', '-c', 'wc -c'], { stdin: true }), ['error', 'stdin', 'stdout', 'stderr']);
    for (let sent = 0; sent < 32; sent++) client.send(streams.stdin ?? 0, Buffer.alloc(32_768, 0x61));
    client.send(streams.stdin ?? 0, '', true);
    await client.ended([streams.stdout ?? 0]);
    expect(client.received(streams.stdout ?? 0).trim()).toBe('1048576');
  });

  it('passes on the sizes of the terminal', async () => {
    const { client, streams } = await open(await exec(['sh', '-c', 'read size; echo "$size"'], { tty: true }), [
      'error',
      'stdout',
      'resize',
    ]);
    client.send(streams.resize ?? 0, '{"Width":100,"Height":30}\n');
    await client.ended([streams.stdout ?? 0]);
    expect(client.received(streams.stdout ?? 0)).toBe('100x30\n');
  });

  it('agrees on the first version that both know, and on the oldest with a client that names none', async () => {
    const newer = await open(await exec(['false']), ['error', 'stdout', 'stderr'], 'v9.channel.k8s.io, v4.channel.k8s.io');
    expect(newer.client.version).toBe('v4.channel.k8s.io');
    const oldest = await open(await exec(['false']), ['error', 'stdout', 'stderr'], '');
    await oldest.client.ended([oldest.streams.error ?? 0]);
    expect(oldest.client.version).toBe('channel.k8s.io');
    expect(oldest.client.received(oldest.streams.error ?? 0)).toBe('command terminated with non-zero exit code: exit status 1');
    newer.client.socket.destroy();
  });

  it('refuses versions that it does not know', async () => {
    await expect(SpdyClient.open(await exec(['true']), 'v9.channel.k8s.io')).rejects.toMatchObject({ status: 403 });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
