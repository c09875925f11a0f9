import { PodSandboxConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import type { SandboxSpec } from '../runtime.ts';
import { cgroupDirectory, cgroupsPath, parentDirectory } from './cgroup-driver.ts';

function sandbox(cgroupParent: string): SandboxSpec {
  const config = PodSandboxConfig.fromPartial({ linux: { cgroupParent } });
  return { id: 's1', config, directory: '/s', namespaces: {}, sharedPid: false, files: {} };
}

describe('cgroups by cgroupfs', () => {
  it.each([
    ['', '/c1', undefined],
    ['/', '/c1', undefined],
    ['/kubepods/pod1', '/kubepods/pod1/c1', '/kubepods/pod1'],
    ['/odd:name:here', '/odd:name:here/c1', '/odd:name:here'],
    ['kubepods/pod1/', '/kubepods/pod1/c1', '/kubepods/pod1/'],
  ])('below parent "%s" are at %s', (parent, path, own) => {
    expect(cgroupsPath('cgroupfs', sandbox(parent), 'c1')).toBe(path);
    expect(cgroupDirectory(path)).toBe(path);
    expect(parentDirectory(sandbox(parent))).toBe(own);
  });

  it('are refused below a systemd slice', () => {
    expect(() => cgroupsPath('cgroupfs', sandbox('kubepods.slice'), 'c1')).toThrow(
      /cgroup_parent kubepods\.slice is a systemd slice.*cgroupfs/,
    );
  });
});

describe('cgroups by systemd', () => {
  it.each([
    ['', 'system.slice:berth:c1', '/system.slice/berth-c1.scope', undefined],
    ['-.slice', '-.slice:berth:c1', '/berth-c1.scope', undefined],
    [
      'kubepods-besteffort-podUID.slice',
      'kubepods-besteffort-podUID.slice:berth:c1',
      '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podUID.slice/berth-c1.scope',
      '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podUID.slice',
    ],
    ['kubepods.slice', 'kubepods.slice:berth:c1', '/kubepods.slice/berth-c1.scope', '/kubepods.slice'],
    [
      '/kubepods.slice/kubepods-pod1.slice',
      'kubepods-pod1.slice:berth:c1',
      '/kubepods.slice/kubepods-pod1.slice/berth-c1.scope',
      '/kubepods.slice/kubepods-pod1.slice',
    ],
  ])('below parent "%s" are scopes: %s', (parent, path, directory, own) => {
    expect(cgroupsPath('systemd', sandbox(parent), 'c1')).toBe(path);
    expect(cgroupDirectory(path)).toBe(directory);
    expect(parentDirectory(sandbox(parent))).toBe(own);
  });

  it.each(['a--b.slice', '-a.slice', '.slice', 'a:b.slice'])('are refused below %s, which no slice is called', (parent) => {
    expect(() => cgroupsPath('systemd', sandbox(parent), 'c1')).toThrow(/is no name of a systemd slice/);
  });

  it('are refused below what is no slice', () => {
    expect(() => cgroupsPath('systemd', sandbox('/kubepods/pod1'), 'c1')).toThrow(/\/kubepods\/pod1 is no systemd slice/);
  });
});
