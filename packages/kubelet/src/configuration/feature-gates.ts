import { nearestName } from '@berth/api/nearest-name';
import { kubernetesMinorVersion } from '../kubernetes-version.ts';
import { absentGates, idleGates, lockedGates, presentGates } from './kubelet-gates.ts';

/** What the node makes of a gate. */
type Gate =
  /** Does what either value says. */
  | { kind: 'switch'; open: boolean }
  /** kubelet takes but one value; that asks for nothing, and what a node lacks is refused where it is used. */
  | { kind: 'locked'; open: boolean }
  /** The node has it, and can't leave it off. */
  | { kind: 'present'; open: true }
  /** The node doesn't have it. */
  | { kind: 'absent'; open: false; what: string }
  /** Either value is taken, and none changes anything, as in kubelet. */
  | { kind: 'idle'; open?: never };

/** The gates that kubelet knows, with what is in force where none is given. */
const featureGates: ReadonlyMap<string, Gate> = new Map<string, Gate>([
  ...each(lockedGates.open, { kind: 'locked', open: true }),
  ...each(lockedGates.shut, { kind: 'locked', open: false }),
  ...each(idleGates, { kind: 'idle' }),
  ...each(presentGates, { kind: 'present', open: true }),
  ...Object.entries(absentGates).flatMap(([what, gates]) => each(gates, { kind: 'absent', open: false, what })),
  ...each(['AllAlpha', 'AllBeta'], { kind: 'absent', open: false, what: 'all of these features' }),
  ['EventedPLEG', { kind: 'switch', open: true }],
  ['ReduceDefaultCrashLoopBackOffDecay', { kind: 'switch', open: false }],
  ['QOSReserved', { kind: 'switch', open: true }],
]);

/** Whether a gate is open. */
export function isOpen(gate: string, given: Record<string, boolean>): boolean {
  return given[gate] ?? featureGates.get(gate)?.open ?? false;
}

/** What is wrong with a gate that is given; undefined for nothing. */
export function refuseGate(name: string, open: boolean): string | undefined {
  const gate = featureGates.get(name);
  if (!gate) return unknownGate(name);
  if (gate.kind === 'switch' || gate.kind === 'idle' || gate.open === open) return undefined;
  if (gate.kind === 'locked') return `kubelet ${kubernetesMinorVersion} has it locked to ${gate.open}; leave it out, or give ${gate.open}`;
  if (gate.kind === 'present') return "this node has the feature, and can't leave it off; leave the gate out, or give true";
  return `this node doesn't have ${gate.what}; leave the gate out, or give false`;
}

function unknownGate(name: string): string {
  const near = nearestName(name, [...featureGates.keys()]);
  const cure = near === undefined ? 'remove it, or mend its name' : `did you mean ${near}?`;
  return `unknown feature gate, which kubelet ${kubernetesMinorVersion} doesn't know either; ${cure}`;
}

function each(gates: readonly string[], gate: Gate): [name: string, gate: Gate][] {
  return gates.map((name) => [name, gate]);
}
