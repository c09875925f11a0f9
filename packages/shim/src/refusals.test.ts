import { ContainerConfig, NamespaceMode, PodSandboxConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { checkRefusals, shimRefusals } from './refusals.ts';

const privileged = [{ field: 'linux.security_context.privileged', reason: 'machines have no host to be privileged on' }];

describe('checkRefusals', () => {
  it('lets a request pass that asks for none of it', () => {
    checkRefusals(
      ContainerConfig.fromPartial({ linux: { securityContext: {} }, mounts: [{ containerPath: '/a' }] }),
      [...shimRefusals, ...privileged],
      'container c',
    );
    checkRefusals(PodSandboxConfig.fromPartial({}), [...shimRefusals, ...privileged], 'pod p');
  });

  it('names the field, who asks, and why not', () => {
    const config = ContainerConfig.fromPartial({ linux: { securityContext: { privileged: true } } });
    expect(() => checkRefusals(config, privileged, 'container c')).toThrow(
      /container c: linux.security_context.privileged: machines have no host/,
    );
  });

  it('looks into every item of a list', () => {
    const config = ContainerConfig.fromPartial({ mounts: [{}, { recursiveReadOnly: true }] });
    expect(() => checkRefusals(config, shimRefusals, 'container c')).toThrow(/mounts\[\]\.recursive_read_only/);
  });

  it('knows fields whose proto name begins with capitals', () => {
    const config = ContainerConfig.fromPartial({ CDIDevices: [{ name: 'vendor.com/gpu=0' }] });
    expect(() => checkRefusals(config, shimRefusals, 'container c')).toThrow(/CDI_devices/);
  });

  it('lets kubelets ask for SELinux relabelling, which is for containers with a label', () => {
    checkRefusals(ContainerConfig.fromPartial({ mounts: [{ selinuxRelabel: true }] }), shimRefusals, 'container c');
  });

  it.each([
    ['pid', { pid: NamespaceMode.TARGET }],
    ['target_id', { targetId: 'c1' }],
    ['userns_options', { usernsOptions: { mode: NamespaceMode.POD } }],
  ])('refuses namespace_options.%s for what it asks', (field, namespaceOptions) => {
    const config = ContainerConfig.fromPartial({ linux: { securityContext: { namespaceOptions } } });
    expect(() => checkRefusals(config, shimRefusals, 'container c')).toThrow(`namespace_options.${field}`);
  });

  it("lets a request have the host's user namespace, and a PID namespace of any other mode", () => {
    const namespaceOptions = { pid: NamespaceMode.CONTAINER, usernsOptions: { mode: NamespaceMode.NODE } };
    checkRefusals(ContainerConfig.fromPartial({ linux: { securityContext: { namespaceOptions } } }), shimRefusals, 'container c');
  });

  it('is an INVALID_ARGUMENT: UNIMPLEMENTED would say that the whole RPC is missing', () => {
    const config = ContainerConfig.fromPartial({ linux: { securityContext: { privileged: true } } });
    expect(() => checkRefusals(config, privileged, 'container c')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
