import { describe, expect, it } from 'vitest';
import { isOpen, refuseGate } from './feature-gates.ts';
import { absentGates, idleGates, lockedGates, presentGates } from './kubelet-gates.ts';

const { open: lockedOpen, shut: lockedShut } = lockedGates;
const absent = Object.values(absentGates).flat();

it('knows each gate of kubelet once', () => {
  const all = [...lockedOpen, ...lockedShut, ...idleGates, ...presentGates, ...absent];
  expect(new Set(all).size).toBe(all.length);
  // With the three that are switches, those of kubelet 1.36.
  expect(all).toHaveLength(239 - 3);
});

describe('a gate', () => {
  it.each(['EventedPLEG', 'ReduceDefaultCrashLoopBackOffDecay', 'QOSReserved'])('%s is a switch', (gate) => {
    expect([refuseGate(gate, true), refuseGate(gate, false)]).toEqual([undefined, undefined]);
    expect([isOpen(gate, { [gate]: true }), isOpen(gate, { [gate]: false })]).toEqual([true, false]);
  });

  it.each(['PodLevelResources', 'PodReadyToStartContainersCondition', 'EnvFiles', ...presentGates])(
    '%s of what the node has is honoured, and not left off',
    (gate) => {
      expect(refuseGate(gate, true)).toBeUndefined();
      expect(refuseGate(gate, false)).toBe("this node has the feature, and can't leave it off; leave the gate out, or give true");
      expect(isOpen(gate, {})).toBe(true);
    },
  );

  it.each(['RecursiveReadOnlyMounts', 'SupplementalGroupsPolicy', 'SidecarContainers', ...lockedOpen])('%s is locked open', (gate) => {
    expect(refuseGate(gate, true)).toBeUndefined();
    expect(refuseGate(gate, false)).toBe('kubelet 1.36 has it locked to true; leave it out, or give true');
    expect(isOpen(gate, {})).toBe(true);
  });

  it.each(lockedShut)('%s is locked shut', (gate) => {
    expect(refuseGate(gate, false)).toBeUndefined();
    expect(refuseGate(gate, true)).toBe('kubelet 1.36 has it locked to false; leave it out, or give false');
  });

  it.each(['AllAlpha', 'AllBeta', ...absent])('%s of what the node lacks stays shut', (gate) => {
    expect(refuseGate(gate, false)).toBeUndefined();
    expect(refuseGate(gate, true)).toMatch(/^this node doesn't have .+; leave the gate out, or give false$/);
    expect(isOpen(gate, {})).toBe(false);
  });

  it('is refused with what the node lacks', () => {
    expect(refuseGate('DRAExtendedResource', true)).toBe("this node doesn't have dynamic resources; leave the gate out, or give false");
  });

  it.each(['ClusterTrustBundle', 'WindowsGracefulNodeShutdown', ...idleGates])(
    '%s of others than the node is taken with any value',
    (gate) => {
      expect([refuseGate(gate, true), refuseGate(gate, false)]).toEqual([undefined, undefined]);
    },
  );

  it.each([
    ['podLevelResource', "unknown feature gate, which kubelet 1.36 doesn't know either; did you mean PodLevelResources?"],
    ['ProbeHostPodSecurityContext', /doesn't know either; remove it, or mend its name$/],
    ['constructor', /^unknown feature gate/],
  ])('%s is unknown', (gate, message) => {
    expect(refuseGate(gate, true)).toMatch(message);
  });
});
