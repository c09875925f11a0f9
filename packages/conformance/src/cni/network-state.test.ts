import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Executor } from './executor.ts';
import { TestHost } from './host.ts';
import { expectHostUnchanged } from './network-state.ts';

describe.runIf(process.getuid?.() === 0)('a host', () => {
  let executor: Executor;
  let host: TestHost;
  beforeAll(async () => {
    executor = new Executor();
    host = await TestHost.begin(executor);
  });
  afterAll(async () => {
    await host.end();
    executor.close();
  });

  const linkLocalRoutes = () => host.tool('ip', '-6', 'route', 'show', 'dev', 'switch0');

  it('is another with another route', async () => {
    const changed = expectHostUnchanged(host, 'the route', () => host.ipBatch(['route add 192.0.2.128/25 dev switch0']));
    await expect(changed).rejects.toThrow('the route: + route 192.0.2.128/25 dev switch0 via undefined');
  });

  it('is the same when the kernel has made a link-local address of its own interface', async () => {
    await host.ipBatch(['link set switch0 down']);
    await expect.poll(linkLocalRoutes).toBe('');
    await expectHostUnchanged(host, 'the kernel', async () => {
      await host.ipBatch(['link set switch0 up']);
      await expect.poll(linkLocalRoutes).toContain('fe80::/64');
    });
  });
});
