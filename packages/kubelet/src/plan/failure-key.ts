/**
 * What can fail and is tried again: an action, of which only its kind and its object count, or the look at the runtime. Every Action is
 * one as it stands.
 */
export type Fallible =
  | { kind: 'observe' | 'allocate-devices' | 'prepare' | 'refresh-volumes' | 'run-sandbox' | 'clean-up' }
  | { kind: 'stop-containers'; containers: readonly { id: string }[]; podEnds?: true }
  | { kind: 'start-container'; container: string }
  | { kind: 'check-image'; image: string }
  | { kind: 'stop-sandbox' | 'remove-sandbox'; sandboxId: string }
  | { kind: 'remove-container' | 'resize-container'; containerId: string };

/** Under which name a failure is remembered: a further try of the same thing on the same object has the same. */
export function failureKey(fallible: Fallible): string {
  switch (fallible.kind) {
    case 'start-container':
      return `${fallible.kind} ${fallible.container}`;
    case 'stop-containers':
      return fallible.podEnds ? fallible.kind : [fallible.kind, ...fallible.containers.map(({ id }) => id)].join(' ');
    case 'check-image':
      return `${fallible.kind} ${fallible.image}`;
    case 'stop-sandbox':
    case 'remove-sandbox':
      return `${fallible.kind} ${fallible.sandboxId}`;
    case 'remove-container':
    case 'resize-container':
      return `${fallible.kind} ${fallible.containerId}`;
    default:
      return fallible.kind;
  }
}
