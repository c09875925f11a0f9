import { defaultPod } from '@berth/api/defaults';
import type { Container, Pod, PodSpec } from '@berth/api/objects';
import { type Fallible, failureKey } from '../src/plan/failure-key.ts';
import type { ContainerInstance, ObservedPod, Sandbox } from '../src/plan/observed-pod.ts';

export const now = new Date('2026-11-21T12:00:00Z');

export function seconds(count: number): Date {
  return new Date(now.getTime() + count * 1000);
}

/** A defaulted pod; its image is taken for present unless the test says otherwise. */
export function makePod(spec: Partial<PodSpec> = {}): Pod {
  const containers: Container[] = [{ name: 'main', image: 'a:1' }];
  return defaultPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', namespace: 'default', uid: 'uid' },
    spec: { containers, ...spec },
  });
}

export const readySandbox: Sandbox = { id: 's0', attempt: 0, ready: true, createdAt: seconds(-1000), ips: ['10.0.0.2'] };
export const deadSandbox: Sandbox = { ...readySandbox, ready: false };

export function instance(name: string, more: Partial<ContainerInstance> = {}): ContainerInstance {
  const attempt = more.attempt ?? 0;
  return {
    id: `${name}-${attempt}`,
    name,
    sandboxId: 's0',
    attempt,
    state: 'running',
    createdAt: seconds(-900),
    startedAt: seconds(-900),
    exitCode: 0,
    reason: '',
    message: '',
    image: 'a:1',
    imageId: 'sha256:1',
    ...more,
  };
}

export function exited(name: string, exitCode: number, more: Partial<ContainerInstance> = {}): ContainerInstance {
  return instance(name, { state: 'exited', exitCode, finishedAt: seconds(-5), ...more });
}

/** What is known of a pod whose directories, sandbox and image are there. */
export function observe(more: Partial<ObservedPod> = {}): ObservedPod {
  return {
    handler: 'runc',
    sandboxes: [readySandbox],
    containers: [],
    images: { 'a:1': { present: true, checkedAt: now } },
    failures: {},
    restartDelays: {},
    directories: 'prepared',
    ...more,
  };
}

/** What is remembered of a try that failed, and is due again 10 s later. */
export function failed(fallible: Fallible, reason: string, at = now): ObservedPod['failures'] {
  return { [failureKey(fallible)]: { reason, message: 'why', at, delayMs: 10_000 } };
}

export const startMain: Fallible = { kind: 'start-container', container: 'main' };

export const initContainers = [
  { name: 'first', image: 'a:1' },
  { name: 'second', image: 'a:1' },
];

export const twoContainers = [
  { name: 'main', image: 'a:1' },
  { name: 'side', image: 'a:1' },
];
