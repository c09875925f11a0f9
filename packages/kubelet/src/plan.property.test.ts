import type { Pod } from '@berth/api/objects';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instance, makePod, now, seconds } from '../testing/observed-pod.ts';
import type { Action } from './plan/action.ts';
import { defaultBackOff, failureAfter } from './plan/back-off.ts';
import { type Fallible, failureKey } from './plan/failure-key.ts';
import type { ContainerInstance, ObservedPod } from './plan/observed-pod.ts';
import { plan } from './plan.ts';

const names = ['first', 'main', 'side'];
const time = fc.integer({ min: -2000, max: 0 }).map(seconds);

const pods = fc
  .record({
    restartPolicy: fc.constantFrom('Always', 'OnFailure', 'Never'),
    pull: fc.constantFrom('Always', 'IfNotPresent', 'Never'),
    withInit: fc.boolean(),
    activeDeadlineSeconds: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined }),
  })
  .map(({ restartPolicy, pull, withInit, activeDeadlineSeconds }): Pod => {
    const container = (name: string) => ({ name, image: 'a:1', imagePullPolicy: pull as 'Always' });
    return makePod({
      restartPolicy: restartPolicy as 'Always',
      activeDeadlineSeconds,
      containers: [container('main'), container('side')],
      ...(withInit && { initContainers: [container('first')] }),
    });
  });

const instances = fc.record<ContainerInstance>({
  id: fc.uuid(),
  name: fc.constantFrom(...names, 'stranger'),
  sandboxId: fc.constantFrom('s0', 's1', 's9'),
  attempt: fc.nat(3),
  state: fc.constantFrom('created', 'running', 'exited', 'unknown'),
  createdAt: time,
  startedAt: fc.option(time, { nil: undefined }),
  finishedAt: fc.option(time, { nil: undefined }),
  exitCode: fc.constantFrom(0, 1, 137),
  reason: fc.constantFrom('', 'OOMKilled'),
  message: fc.constant(''),
  image: fc.constant('a:1'),
  imageId: fc.constant('sha256:1'),
});

const failures = fc.dictionary(
  fc
    .constantFrom<Fallible[]>(
      { kind: 'prepare' },
      { kind: 'refresh-volumes' },
      { kind: 'run-sandbox' },
      { kind: 'stop-containers' },
      { kind: 'observe' },
      { kind: 'check-image', image: 'a:1' },
      ...names.map((container) => ({ kind: 'start-container', container }) as const),
    )
    .map(failureKey),
  fc.record({ reason: fc.constantFrom('ErrImagePull', 'FailedMount'), message: fc.string(), at: time, delayMs: fc.nat(400_000) }),
);

const states: fc.Arbitrary<ObservedPod> = fc.record({
  handler: fc.constant('runc'),
  sandboxes: fc.uniqueArray(
    fc.record({
      id: fc.constantFrom('s0', 's1'),
      attempt: fc.nat(3),
      ready: fc.boolean(),
      createdAt: time,
      ips: fc.constantFrom([], ['10.0.0.2']),
    }),
    { selector: ({ id }) => id },
  ),
  containers: fc.uniqueArray(instances, { selector: ({ id }) => id, maxLength: 8 }),
  images: fc.constantFrom<ObservedPod['images']>(
    {},
    { 'a:1': { present: true, checkedAt: now } },
    { 'a:1': { present: false, checkedAt: seconds(-3) } },
  ),
  failures,
  restartDelays: fc.dictionary(fc.constantFrom(...names), fc.record({ delayMs: fc.nat(300_000), setAt: time })),
  directories: fc.constantFrom('unknown', 'prepared', 'removed'),
  volumesStale: fc.boolean(),
  deletion: fc.option(fc.record({ gracePeriodSeconds: fc.nat(60) }), { nil: undefined }),
  refusal: fc.option(fc.constant({ reason: 'Unsupported', message: 'why' }), { nil: undefined, freq: 9 }),
});

describe('the planner', () => {
  it('never throws, and comes to an end under any answers of the runtime', () => {
    fc.assert(
      fc.property(pods, states, fc.infiniteStream(fc.boolean()), (pod, state, successes) => {
        const world = structuredClone(state);
        for (let round = 0; round < 60; round++) {
          const { actions, status, finished } = plan(pod, world, now);
          world.previous = status;
          if (actions.length === 0) {
            expect(finished === true || status.phase !== undefined).toBe(true);
            return;
          }
          for (const action of actions) happen(world, action, successes.next().value);
        }
        throw new Error(`no end in sight: ${JSON.stringify(plan(pod, world, now).actions)}`);
      }),
      { numRuns: 500 },
    );
  });

  it('says the same twice of the same state', () => {
    fc.assert(
      fc.property(pods, states, (pod, state) => {
        expect(plan(pod, state, now)).toEqual(plan(pod, structuredClone(state), now));
      }),
      { numRuns: 200 },
    );
  });

  it('wakes no pod in the past, and forgets none that waits', () => {
    fc.assert(
      fc.property(pods, states, (pod, state) => {
        const { actions, status, wakeAt } = plan(pod, state, now);
        if (wakeAt && actions.length === 0 && Object.keys(state.failures).length === 0) expect(wakeAt > now).toBe(true);
        const waits = status.containerStatuses?.some(({ state: told }) => told?.waiting?.reason === 'CrashLoopBackOff');
        if (waits) expect(wakeAt).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });
});

/** What an action does to the world, or what its failure leaves behind. Time stands still. */
function happen(world: ObservedPod, action: Action, succeeds: boolean): void {
  if (!succeeds) {
    const outcome = {
      reason: action.kind === 'start-container' && action.pull ? 'ErrImagePull' : 'Failed',
      message: 'why',
      transient: false,
    };
    world.failures[failureKey(action)] = failureAfter(world.failures[failureKey(action)], outcome, now, defaultBackOff);
    if (action.kind === 'start-container') world.images = {};
    return;
  }
  delete world.failures[failureKey(action)];
  switch (action.kind) {
    case 'prepare':
      world.directories = 'prepared';
      break;
    case 'refresh-volumes':
      world.volumesStale = false;
      break;
    case 'clean-up':
      world.directories = 'removed';
      break;
    case 'run-sandbox':
      world.sandboxes.unshift({ id: `new-${action.attempt}`, attempt: action.attempt, ready: true, createdAt: now, ips: [] });
      break;
    case 'stop-sandbox':
      for (const sandbox of world.sandboxes) if (sandbox.id === action.sandboxId) sandbox.ready = false;
      stop(world, (instance) => instance.sandboxId === action.sandboxId);
      break;
    case 'remove-sandbox':
      world.sandboxes = world.sandboxes.filter(({ id }) => id !== action.sandboxId);
      world.containers = world.containers.filter(({ sandboxId }) => sandboxId !== action.sandboxId);
      break;
    case 'check-image':
      world.images = { ...world.images, [action.image]: { present: true, checkedAt: now } };
      break;
    case 'start-container':
      world.images = {};
      if (action.restartDelayMs !== undefined) world.restartDelays[action.container] = { delayMs: action.restartDelayMs, setAt: now };
      world.containers.unshift(
        instance(action.container, { attempt: action.attempt, sandboxId: action.sandboxId, createdAt: now, startedAt: now }),
      );
      break;
    case 'stop-containers':
      stop(world, ({ id }) => action.containers.some((container) => container.id === id));
      break;
    case 'remove-container':
      world.containers = world.containers.filter(({ id }) => id !== action.containerId);
  }
}

function stop(world: ObservedPod, concerned: (instance: ContainerInstance) => boolean): void {
  for (const instance of world.containers) {
    if (concerned(instance) && instance.state !== 'exited') Object.assign(instance, { state: 'exited', exitCode: 137, finishedAt: now });
  }
}
