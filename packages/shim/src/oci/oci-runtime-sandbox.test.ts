import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PodSandboxConfig } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost, onPath } from '../../testing/oci-host.ts';
import { pinNamespaces, unpinNamespaces } from '../sandbox/sandbox-namespaces.ts';

describeOciRuntimes('a sandbox of OciRuntime', (binary) => {
  let host: OciHost;

  beforeEach(async () => {
    host = await OciHost.open(binary);
  });

  afterEach(() => host.close());

  it('shares one PID namespace among the containers of a sandbox that asks for it', async (test) => {
    if (!onPath('catatonit')) return test.skip('catatonit is not on PATH');
    host.sandbox = host.sandboxSpec({ sharedPid: true });
    await host.runtime.createSandbox(host.sandbox, host.signal);
    const first = host.container('sleep 61');
    await host.run(first);
    const second = host.container('ps');
    await host.run(second);
    await host.exitOf(second);
    expect((await host.logLines(second)).join('\n')).toMatch(/catatonit -P(.|\n)*sleep 61/);
    await host.restart();
    const found = await host.runtime.recover({ sandboxes: [host.sandbox], containers: [first] }, host.signal);
    expect(found.sandboxes).toEqual([host.sandbox.id]);
    process.kill(Number(await readFile(join(host.sandbox.directory, 'pause', 'container.pid'), 'utf8')), 'SIGKILL');
    for await (const event of host.runtime.events(host.signal))
      if (event.type === 'sandboxGone' && event.sandboxId === host.sandbox.id) break;
  });

  it("holds a shared PID namespace from inside the sandbox's other namespaces, not the host's", async (test) => {
    if (!onPath('catatonit')) return test.skip('catatonit is not on PATH');
    const pins = join(host.directory, 'pins');
    host.sandbox = host.sandboxSpec({
      sharedPid: true,
      namespaces: await pinNamespaces(pins, ['network', 'ipc', 'uts'], 'berth-test', host.signal),
    });
    await host.runtime.createSandbox(host.sandbox, host.signal);
    const pid = (await readFile(join(host.sandbox.directory, 'pause', 'container.pid'), 'utf8')).trim();
    const own = await Promise.all(['net', 'ipc', 'uts'].map((kind) => stat(`/proc/${pid}/ns/${kind}`)));
    const pinned = await Promise.all(['network', 'ipc', 'uts'].map((kind) => stat(join(pins, kind))));
    expect(own.map(({ ino }) => ino)).toEqual(pinned.map(({ ino }) => ino));
    await host.runtime.removeSandbox(host.sandbox, host.signal);
    await unpinNamespaces(pins, host.signal);
  });

  it('confines the process that holds a shared PID namespace, as the user that the sandbox names', async (test) => {
    if (!onPath('catatonit')) return test.skip('catatonit is not on PATH');
    const status = async (securityContext: object): Promise<string> => {
      const config = PodSandboxConfig.fromPartial({ linux: { securityContext } });
      host.sandbox = host.sandboxSpec({ sharedPid: true, config });
      await host.runtime.createSandbox(host.sandbox, host.signal);
      const pid = (await readFile(join(host.sandbox.directory, 'pause', 'container.pid'), 'utf8')).trim();
      const text = await readFile(`/proc/${pid}/status`, 'utf8');
      await host.runtime.removeSandbox(host.sandbox, host.signal);
      return text;
    };
    expect(await status({ privileged: true })).toMatch(/^Uid:\t65535\t(.|\n)*^NoNewPrivs:\t1\nSeccomp:\t2$/m);
    const asked = { runAsUser: { value: 7n }, runAsGroup: { value: 8n }, supplementalGroups: [9n] };
    expect(await status(asked)).toMatch(/^Uid:\t7\t(.|\n)*^Gid:\t8\t(.|\n)*^Groups:\t9 $/m);
  });

  it("refuses sysctls of the host, and a cgroup parent in another driver's form", async () => {
    const create = (linux: object) =>
      host.runtime.createSandbox(host.sandboxSpec({ config: PodSandboxConfig.fromPartial({ linux }) }), host.signal);
    await expect(create({ sysctls: { 'kernel.panic': '1' } })).rejects.toThrow(/kernel\.panic would be set for the whole host/);
    await expect(create({ cgroupParent: 'kubepods.slice' })).rejects.toThrow(/kubepods\.slice is a systemd slice/);
  });

  it("joins the sandbox's network, IPC and UTS namespaces, and shares /dev/shm among its containers", async () => {
    const pins = join(host.directory, 'pins');
    host.sandbox = host.sandboxSpec({ namespaces: await pinNamespaces(pins, ['network', 'ipc', 'uts'], 'berth-test', host.signal) });
    await host.runtime.createSandbox(host.sandbox, host.signal);
    const first = host.container('hostname; ls /sys/class/net; echo shared > /dev/shm/file');
    await host.run(first);
    await host.exitOf(first);
    const second = host.container('cat /dev/shm/file; readlink /proc/self/ns/net; readlink /proc/self/ns/ipc');
    await host.run(second);
    await host.exitOf(second);
    const [network, ipc] = await Promise.all([stat(join(pins, 'network')), stat(join(pins, 'ipc'))]);
    expect(await host.printed(first)).toEqual(['berth-test', 'lo']);
    expect(await host.printed(second)).toEqual(['shared', `net:[${network.ino}]`, `ipc:[${ipc.ino}]`]);
    await host.restart();
    const known = { sandboxes: [host.sandbox], containers: [] };
    expect((await host.runtime.recover(known, host.signal)).sandboxes).toEqual([host.sandbox.id]);
    await host.runtime.recover({ sandboxes: [], containers: [] }, host.signal);
    expect(host.leftovers().mounts.join()).not.toContain('/shm/');
    await host.runtime.removeSandbox(host.sandbox, host.signal);
    await unpinNamespaces(pins, host.signal);
    expect((await host.runtime.recover(known, host.signal)).sandboxes).toEqual([]);
  });
});
