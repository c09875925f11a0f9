import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';
import { WebSocketClient } from '../../testing/websocket-client.ts';

let shim: TestShim;

beforeEach(async () => {
  shim = await TestShim.start();
});

afterEach(() => shim.close());

async function attach(containerId: string): Promise<WebSocketClient> {
  const { url } = await shim.runtime.attach({ containerId, stdin: true, stdout: true, stderr: true, tty: false });
  return WebSocketClient.open(url);
}

describe('attach', () => {
  it('joins a client to the container, and says Success when that ends', async () => {
    const command = ['sh', '-c', 'read line; echo "got $line"; echo oops >&2; exit 3'];
    const client = await attach(await shim.runContainer(await shim.runPod(), { command }));
    client.send(0, 'hello\n');
    expect(await client.status()).toEqual({ metadata: {}, status: 'Success' });
    expect([client.received(1), client.received(2)]).toEqual(['got hello\n', 'oops\n']);
  });

  it('leaves the container alone when the client goes; another can attach after it, also after a restart of the shim', async () => {
    const containerId = await shim.runContainer(await shim.runPod(), {
      command: ['sh', '-c', 'while read line; do echo "got $line"; done'],
    });
    for (const restart of [false, true]) {
      if (restart) await shim.restart();
      const client = await attach(containerId);
      client.send(0, 'hello\n');
      await expect.poll(() => client.received(1)).toBe('got hello\n');
      client.socket.terminate();
    }
    expect((await shim.containerStatus(containerId)).state).toBe(1);
  });
});
