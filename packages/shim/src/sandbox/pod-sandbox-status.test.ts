import { NamespaceMode, PodSandboxState } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;

beforeAll(async () => {
  shim = await TestShim.start();
});

afterAll(() => shim.close());

describe('PodSandboxStatus', () => {
  it('says what was asked for, and when it was made, in nanoseconds', async () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.POD, ipc: NamespaceMode.NODE };
    const id = await shim.runPod({
      labels: { app: 'web' },
      annotations: { 'example.com/empty': '', 'example.com/json': '{"a":1}' },
      linux: { securityContext: { namespaceOptions } },
    });
    const status = await shim.podStatus(id);
    expect(status).toMatchObject({
      id,
      state: PodSandboxState.SANDBOX_READY,
      metadata: { name: 'web', namespace: 'default', uid: 'uid-1', attempt: 0 },
      network: { ip: '', additionalIps: [] },
      linux: { namespaces: { options: namespaceOptions } },
      labels: { app: 'web' },
      annotations: { 'example.com/empty': '', 'example.com/json': '{"a":1}' },
    });
    expect(status.createdAt).toBeGreaterThanOrEqual(before);
    expect(status.createdAt).toBeLessThanOrEqual(BigInt(Date.now()) * 1_000_000n);
  });

  it.each([
    ['no linux', {}],
    ['no security context', { linux: {} }],
    ['no namespace options', { linux: { securityContext: {} } }],
    ['empty namespace options', { linux: { securityContext: { namespaceOptions: {} } } }],
  ])('takes %s for the namespaces of the pod, shared PIDs included', async (what, config) => {
    const id = await shim.runPod({ metadata: { name: 'default', namespace: 'default', uid: what }, ...config });
    const { linux } = await shim.podStatus(id);
    expect(linux?.namespaces?.options).toMatchObject({ network: NamespaceMode.POD, pid: NamespaceMode.POD, ipc: NamespaceMode.POD });
    expect(shim.host.sandboxes.get(id)?.sharedPid).toBe(true);
  });

  it.each(['', 'f'.repeat(64), '../../etc/passwd', 'a/b'])('is NOT_FOUND for %j', async (id) => {
    await expect(shim.podStatus(id)).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('has more to say when asked for it', async () => {
    const podSandboxId = await shim.runPod({ metadata: { name: 'more', namespace: 'default', uid: 'uid-3' } });
    const { info } = await shim.runtime.podSandboxStatus({ podSandboxId, verbose: true });
    expect(JSON.parse(info.info ?? '')).toMatchObject({ phase: 'ready' });
  });
});
