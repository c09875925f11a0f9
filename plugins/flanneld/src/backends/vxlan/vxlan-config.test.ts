import { Keys } from '@berth/sdk/cni/keys';
import { describe, expect, it } from 'vitest';
import { readVxlanConfig } from './vxlan-config.ts';

describe('the keys of vxlan', () => {
  const read = (keys: object) => readVxlanConfig(new Keys({ Type: 'vxlan', ...keys }, 'Backend'));

  it('have defaults', () => {
    expect(read({})).toEqual({ vni: 1, port: 0, gbp: false, learning: false, directRouting: false });
    expect(read({ VNI: 7, Port: 4789, MTU: 1400, GBP: true, Learning: true, DirectRouting: true, MacPrefix: '0E-2A' })).toEqual({
      ...{ vni: 7, port: 4789, linkMtu: 1400, gbp: true, learning: true, directRouting: true, macPrefix: '0e:2a' },
    });
  });

  it.each([
    [{ VNI: 0 }, 'VNI'],
    [{ VNI: 2 ** 24 }, 'VNI'],
    [{ Port: 65536 }, 'Port'],
    [{ MTU: '1400' }, 'MTU'],
    [{ GBP: 1 }, 'GBP'],
    [{ Learning: 'no' }, 'Learning'],
    [{ DirectRouting: 'no' }, 'DirectRouting'],
    [{ MacPrefix: '01-00' }, 'MacPrefix'],
  ])('%j is refused', (keys, name) => {
    expect(() => read(keys)).toThrow(`Backend.${name}: must`);
  });
});
