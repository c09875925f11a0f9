import { PodSandboxConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import type { SandboxSpec } from '../runtime.ts';
import { checkSysctls } from './sysctls.ts';

const all = { network: '/n', ipc: '/i', uts: '/u' };

function check(name: string, namespaces: SandboxSpec['namespaces'] = all): void {
  const config = PodSandboxConfig.fromPartial({ metadata: { name: 'web', namespace: 'default' }, linux: { sysctls: { [name]: '1' } } });
  checkSysctls({ id: 's1', config, directory: '/s', namespaces, sharedPid: false, files: {} });
}

describe('checkSysctls', () => {
  it.each(['net.ipv4.ip_forward', 'net/ipv4/conf/eth0.1/forwarding', 'kernel.shm_rmid_forced', 'kernel.sem', 'fs.mqueue.msg_max'])(
    'lets %s through in a pod with namespaces of its own',
    (name) => expect(() => check(name)).not.toThrow(),
  );

  it.each(['kernel.panic', 'vm.overcommit_memory', 'fs.file-max', 'kernel.hostname', 'network.x'])(
    'refuses %s, which no namespace has',
    (name) => expect(() => check(name)).toThrow(`sandbox default/web (s1): linux.sysctls: ${name} would be set for the whole host`),
  );

  it("refuses those of a namespace that is the host's", () => {
    expect(() => check('net.ipv4.ip_forward', { ipc: '/i' })).toThrow(/the pod uses the host's network namespace/);
    expect(() => check('kernel.msgmax', { network: '/n', uts: '/u' })).toThrow(/the pod uses the host's ipc namespace/);
  });
});
