import { describe, expect, it } from 'vitest';
import { podCgroup } from './cgroup-parent.ts';

describe("a pod's cgroup parent", () => {
  it.each([
    ['/conformance', '/conformance/0a-1b'],
    ['conformance.slice', 'conformance.slice/conformance-0a_1b.slice'],
    ['/berth.slice/berth-conformance.slice', '/berth.slice/berth-conformance.slice/berth-conformance-0a_1b.slice'],
  ])('below %s is %s', (parent, expected) => {
    expect(podCgroup(parent, '0a-1b')).toBe(expected);
  });
});
