import { NamespaceMode } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let pod: string;
const option = 'linux.security_context.namespace_options';

beforeEach(async () => {
  shim = await TestShim.start();
  shim.host.supported = [`${option}.pid`, `${option}.target_id`];
  await shim.restart();
  pod = await shim.runPod();
});

afterEach(() => shim.close());

function debug(targetId: string, pid: NamespaceMode = NamespaceMode.TARGET) {
  const linux = { securityContext: { namespaceOptions: { pid, targetId } } };
  return shim.createContainer(pod, { metadata: { name: 'debug' }, linux });
}

describe('the PID namespace of a target', () => {
  it('is that of a running container of the same pod, by its id or the start of it', async () => {
    const target = await shim.runContainer(pod);
    const id = await debug(target.slice(0, 12));
    expect(shim.host.containers.get(id)?.spec.pidTarget).toBe(target);
  });

  it('is refused for one that does not run', async () => {
    const target = await shim.createContainer(pod);
    await expect(debug(target)).rejects.toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
  });

  it("is refused for another pod's, and for one that is not there", async () => {
    const other = await shim.runPod({ metadata: { name: 'db', namespace: 'default', uid: 'uid-2' } });
    const target = await shim.runContainer(other);
    for (const id of [target, '', '../..', 'f'.repeat(64)]) {
      await expect(debug(id)).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    }
  });

  it('needs the mode TARGET, which a sandbox has no use for', async () => {
    const target = await shim.runContainer(pod);
    await expect(debug(target, NamespaceMode.CONTAINER)).rejects.toThrow(/target_id is only for/);
    const linux = { securityContext: { namespaceOptions: { pid: NamespaceMode.TARGET } } };
    await expect(shim.runPod({ metadata: { name: 'x', namespace: 'n', uid: 'u' }, linux })).rejects.toThrow(/namespace_options\.pid/);
  });
});
