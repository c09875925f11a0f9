import { NamespaceMode, PodSandboxState, type Protocol, type SupplementalGroupsPolicy } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { podConfig, TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;

beforeEach(async () => {
  shim = await TestShim.start({ features: { refused: [{ field: 'linux.security_context.privileged', reason: 'there is no host' }] } });
});

afterEach(async () => {
  expect(shim.host.violations).toEqual([]);
  await shim.close();
});

describe('RunPodSandbox', () => {
  it('makes a sandbox that is ready, with an id of 64 hexadecimal digits', async () => {
    const id = await shim.runPod();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await shim.podStatus(id)).state).toBe(PodSandboxState.SANDBOX_READY);
    expect(shim.host.sandboxes.get(id)?.config.hostname).toBe('web');
  });

  it('refuses a second sandbox of the same pod and attempt, naming the first', async () => {
    const id = await shim.runPod();
    await expect(shim.runPod()).rejects.toThrow(
      expect.objectContaining({ code: 'ALREADY_EXISTS', message: expect.stringContaining(`sandbox ${id} has this name`) }),
    );
  });

  it('takes the next attempt of the same pod', async () => {
    await shim.runPod();
    await shim.runPod({ metadata: { name: 'web', namespace: 'default', uid: 'uid-1', attempt: 1 } });
  });

  it('takes its own handler and refuses another by name', async () => {
    await shim.runtime.runPodSandbox({ config: podConfig(), runtimeHandler: 'process' });
    await expect(shim.runtime.runPodSandbox({ config: podConfig(), runtimeHandler: 'kata' })).rejects.toThrow(/no handler "kata"/);
  });

  it('refuses a pod without a name', async () => {
    await expect(shim.runPod({ metadata: { name: '', namespace: 'default', uid: 'u' } })).rejects.toThrow(
      /name, namespace and uid are required/,
    );
  });

  it.each(['-F/etc/passwd', 'two\nlines', 'a b', 'a'.repeat(65)])('refuses %j as a host name', async (hostname) => {
    await expect(shim.runPod({ hostname })).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('is no host name') }),
    );
    await shim.runPod();
  });

  it.each([
    ['what only Windows has', { windows: {} }, /windows: it is a pod of Linux/],
    ['a relative log directory', { logDirectory: 'logs' }, /log_directory "logs" is not absolute/],
    [
      'a port of the host that is none',
      { portMappings: [{ hostPort: 65_536, containerPort: 80 }] },
      /port_mappings\[0\]\.host_port: 65536/,
    ],
    ['a port below 0', { portMappings: [{ hostPort: -1, containerPort: 80 }] }, /port_mappings\[0\]\.host_port: -1 is no port/],
    ['a mapping to no port', { portMappings: [{ hostPort: 80 }] }, /port_mappings\[0\]\.container_port: 0 is no port/],
    ['a protocol that is none', { portMappings: [{ containerPort: 80, protocol: 9 as Protocol }] }, /protocol: 9 is not known/],
    ['an address that is none', { portMappings: [{ containerPort: 80, hostPort: 80, hostIp: 'localhost' }] }, /host_ip: "localhost"/],
    ['two entries of resolv.conf in one', { dnsConfig: { servers: ['192.0.2.1\nsearch evil'] } }, /dns_config: .* is no one word/],
    ['a sysctl that is a path', { linux: { sysctls: { 'net/../kernel/panic': '1' } } }, /linux\.sysctls: .* is no name of one/],
    ['a group without a user', { linux: { securityContext: { runAsGroup: { value: 1n } } } }, /run_as_group without run_as_user/],
    ['a user that is none', { linux: { securityContext: { runAsUser: { value: -1n } } } }, /run_as_user is -1, which is no id/],
    ['an unknown policy', { linux: { securityContext: { supplementalGroupsPolicy: 9 as SupplementalGroupsPolicy } } }, /policy is 9/],
  ])('refuses %s, and leaves nothing', async (_what, config, message) => {
    await expect(shim.runPod(config)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
    expect(shim.leftovers()).toEqual([]);
  });

  it('takes ports that are only told', async () => {
    await shim.runPod({ portMappings: [{ containerPort: 80 }, {}] });
  });

  it('refuses what the runtime refuses, with its reason', async () => {
    await expect(shim.runPod({ linux: { securityContext: { privileged: true } } })).rejects.toThrow(
      /pod default\/web: linux\.security_context\.privileged: there is no host/,
    );
    expect(shim.leftovers()).toEqual([]);
  });

  it('tells the runtime whether containers share a PID namespace', async () => {
    const shared = await shim.runPod({ linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } } });
    expect(shim.host.sandboxes.get(shared)?.sharedPid).toBe(true);
    const apart = await shim.runPod({
      metadata: { name: 'apart', namespace: 'default', uid: 'uid-2' },
      linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } },
    });
    expect(shim.host.sandboxes.get(apart)?.sharedPid).toBe(false);
  });

  it.each(['throws', 'hangs'] as const)('leaves nothing when createSandbox %s, and the name is free again', async (fault) => {
    shim.host.faults.set('createSandbox', fault);
    await expect(shim.runPod({}, { deadlineMs: 300 })).rejects.toThrow(
      fault === 'throws' ? /createSandbox is broken/ : /no answer within 300 ms/,
    );
    shim.host.faults.clear();
    await expect.poll(() => shim.leftovers()).toEqual([]);
    await shim.runPod();
  });

  it('lists what could not be undone as not ready, and lets the client remove it', async () => {
    shim.host.faults.set('createSandbox', 'throws').set('removeSandbox', 'throws');
    await expect(shim.runPod()).rejects.toThrow(/createSandbox is broken/);
    shim.host.faults.clear();
    const { items } = await shim.runtime.listPodSandbox({ filter: undefined });
    expect(items.map(({ state }) => state)).toEqual([PodSandboxState.SANDBOX_NOTREADY]);
    await shim.runtime.removePodSandbox({ podSandboxId: items[0]?.id ?? '' });
    expect(shim.leftovers()).toEqual([]);
  });

  it('is not held up by another sandbox that hangs', async () => {
    shim.host.faults.set('createSandbox', 'hangs');
    const hung = new AbortController();
    const first = shim.runPod({}, { signal: hung.signal }).catch(() => 'ended');
    await expect.poll(() => shim.host.calls).toContain('createSandbox');
    shim.host.faults.clear();
    await shim.runPod({ metadata: { name: 'other', namespace: 'default', uid: 'uid-2' } });
    hung.abort();
    expect(await first).toBe('ended');
  });
});
