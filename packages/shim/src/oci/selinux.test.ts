import { SELinuxOption } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { selinuxLabels } from './selinux.ts';

const labels = (options: Parameters<typeof SELinuxOption.fromPartial>[0] | undefined, enabled = true) =>
  selinuxLabels(options && SELinuxOption.fromPartial(options), enabled, 'container c');

describe('SELinux labels', () => {
  it('are those that are asked for, with the usual ones for what is empty', () => {
    expect(labels({ level: 's0:c1,c2' })).toEqual({
      process: 'system_u:system_r:container_t:s0:c1,c2',
      mount: 'system_u:object_r:container_file_t:s0:c1,c2',
    });
    expect(labels({ user: 'u', role: 'r', type: 'spc_t', level: 's0' })?.process).toBe('u:r:spc_t:s0');
  });

  it('are none for a request that asks for none, wherever it runs', () => {
    expect([labels(undefined, false), labels({}, false), labels({})]).toEqual([undefined, undefined, undefined]);
  });

  it('are refused on a host without SELinux', () => {
    expect(() => labels({ type: 'spc_t' }, false)).toThrow(/container c: linux\.security_context\.selinux_options: the kernel/);
  });

  it.each([[{ type: 'a:b' }], [{ level: 'high' }], [{ user: 'a b' }]])('%j are refused: they are no parts of a label', (options) => {
    expect(() => labels(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
