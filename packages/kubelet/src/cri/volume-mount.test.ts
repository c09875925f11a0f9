import type { VolumeMount } from '@berth/api/objects';
import { MountPropagation } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { criMount, type MountSource } from './volume-mount.ts';

const source: MountSource = { hostPath: '/host/data', readOnly: false, recursiveReadOnly: false };

describe('the CRI message for a mount', () => {
  it.each<[string, Partial<VolumeMount>, Partial<MountSource>, object]>([
    ['names both places', {}, {}, { hostPath: '/host/data', containerPath: '/data', readonly: false }],
    ['is read-only as asked', { readOnly: true }, {}, { readonly: true }],
    ['is read-only as the volume is', {}, { readOnly: true }, { readonly: true }],
    ['propagates nothing', {}, {}, { propagation: MountPropagation.PROPAGATION_PRIVATE }],
    ['propagates as asked', { mountPropagation: 'HostToContainer' }, {}, { propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER }],
    ['propagates both ways', { mountPropagation: 'Bidirectional' }, {}, { propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL }],
    ['is read-only all the way down', {}, { recursiveReadOnly: true }, { recursiveReadOnly: true }],
    ['has an absolute path in the container', { mountPath: 'data' }, {}, { containerPath: '/data' }],
    ['names a part of an image', {}, { hostPath: undefined, imageSubPath: 'a' }, { hostPath: '', imageSubPath: 'a' }],
  ])('%s', (_what, mount, more, expected) => {
    expect(criMount({ name: 'data', mountPath: '/data', ...mount }, { ...source, ...more })).toMatchObject(expected);
  });
});
