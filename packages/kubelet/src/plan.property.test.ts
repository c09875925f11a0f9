import { defaultPod } from '@berth/api/defaults';
import type { Container, ContainerRestartRule, EphemeralContainer, Pod, ResourceRequirements } from '@berth/api/objects';
import { validatePod } from '@berth/api/validation';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryObject } from '../../api/testing/arbitrary-object.ts';
import { happen } from '../testing/happen.ts';
import { makePod, now, observe, seconds } from '../testing/observed-pod.ts';
import { explain } from './explain/explanation.ts';
import { defaultBackOff } from './plan/back-off.ts';
import { type Fallible, failureKey } from './plan/failure-key.ts';
import type { ContainerInstance, ObservedPod } from './plan/observed-pod.ts';
import { plan } from './plan.ts';

const names = ['first', 'proxy', 'second', 'main', 'side', 'debugger'];
const time = fc.integer({ min: -2000, max: 0 }).map(seconds);
const policies = fc.constantFrom('Always', 'OnFailure', 'Never');
const amounts = fc.constantFrom<ResourceRequirements[]>(
  {},
  { requests: { cpu: '100m' } },
  { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '2Gi' } },
);

const rules: fc.Arbitrary<ContainerRestartRule[]> = fc.array(
  fc.record({
    action: fc.constantFrom('Restart', 'RestartAllContainers'),
    exitCodes: fc.record({ operator: fc.constantFrom('In', 'NotIn'), values: fc.subarray([0, 1, 137]) }),
  }),
  { maxLength: 2 },
);

function containers(name: string, restartPolicy: fc.Arbitrary<string | undefined>): fc.Arbitrary<Container> {
  return fc
    .record({
      image: fc.constantFrom('a:1', 'b:1'),
      imagePullPolicy: fc.constantFrom('Always', 'IfNotPresent', 'Never'),
      restartPolicy,
      rules: fc.option(rules, { nil: undefined }),
      resources: amounts,
      resizePolicy: fc.constantFrom<Container['resizePolicy'][]>([], [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]),
    })
    .map(({ rules: restartPolicyRules, ...rest }) => ({ name, ...rest, ...(rest.restartPolicy && { restartPolicyRules }) }));
}

const own = fc.option(policies, { nil: undefined });
const pods: fc.Arbitrary<Pod> = fc
  .record({
    restartPolicy: policies,
    activeDeadlineSeconds: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined }),
    containers: fc.tuple(containers('main', own), containers('side', own)),
    initContainers: fc
      .tuple(containers('first', own), containers('proxy', fc.constant('Always')), containers('second', own))
      .chain((all) => fc.subarray(all)),
    ephemeralContainers: fc.constantFrom<EphemeralContainer[][]>(
      [],
      [{ name: 'debugger', image: 'a:1' }],
      [{ name: 'debugger', image: 'a:1', targetContainerName: 'main' }],
    ),
  })
  .map(makePod);

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
  message: fc.string(),
  image: fc.constant('a:1'),
  imageId: fc.constant('sha256:1'),
  definition: fc.constantFrom(undefined, 'an old one'),
  resources: fc.option(amounts, { nil: undefined }),
});

const failures = fc.dictionary(
  fc
    .constantFrom<Fallible[]>(
      { kind: 'prepare' },
      { kind: 'refresh-volumes' },
      { kind: 'run-sandbox' },
      { kind: 'stop-containers', containers: [], podEnds: true },
      { kind: 'observe' },
      { kind: 'check-image', image: 'a:1' },
      ...names.map((container) => ({ kind: 'start-container', container }) as const),
    )
    .map(failureKey),
  fc.record({ reason: fc.constantFrom('ErrImagePull', 'FailedMount'), message: fc.string(), at: time, delayMs: fc.nat(400_000) }),
);

const verdict = fc.record(
  {
    started: fc.boolean(),
    ready: fc.boolean(),
    failed: fc.record({ probe: fc.constantFrom('startup', 'liveness'), message: fc.string() }),
  },
  { requiredKeys: ['started', 'ready'] },
);

const states: fc.Arbitrary<ObservedPod> = fc
  .record({
    handler: fc.constant('runc'),
    sandboxes: fc.uniqueArray(
      fc.record({
        id: fc.constantFrom('s0', 's1'),
        attempt: fc.nat(3),
        ready: fc.boolean(),
        createdAt: time,
        ips: fc.constantFrom<string[][]>([], ['10.0.0.2']),
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
    directories: fc.constantFrom<ObservedPod['directories'][]>('unknown', 'prepared', 'removed'),
    volumesStale: fc.boolean(),
    deletion: fc.option(fc.record({ gracePeriodSeconds: fc.nat(60) }), { nil: undefined }),
    endingSince: fc.option(time, { nil: undefined }),
    refusal: fc.option(fc.constant({ reason: 'Unsupported', message: 'why' }), { nil: undefined, freq: 9 }),
    pendingResize: fc.option(fc.constant({ reason: 'Deferred' as const, message: 'why' }), { nil: undefined }),
    verdicts: fc.array(fc.option(verdict, { nil: undefined }), { minLength: 8, maxLength: 8 }),
  })
  .map(({ verdicts, ...state }) => {
    const probed = state.containers.flatMap(({ id }, index) => (verdicts[index] ? [[id, verdicts[index]]] : []));
    return { ...state, probes: Object.fromEntries(probed) };
  });

/** Plans and lets happen what is planned until nothing is left to do; fails if that never comes. */
function settle(pod: Pod, world: ObservedPod, succeeds: () => boolean): void {
  for (let round = 0; round < 80; round++) {
    const { actions, status, finished } = plan(pod, world, now);
    world.previous = status;
    if (actions.length === 0) {
      expect(finished === true || status.phase !== undefined).toBe(true);
      return;
    }
    for (const action of actions) happen(world, pod, action, succeeds());
  }
  throw new Error(`no end in sight: ${JSON.stringify(plan(pod, world, now).actions)}`);
}

/** What befalls a pod that had come to rest. */
const events = fc.oneof(
  fc.record({ kind: fc.constant('exit' as const), index: fc.nat(7), exitCode: fc.constantFrom(0, 1, 137) }),
  fc.record({ kind: fc.constant('probe' as const), index: fc.nat(7), verdict }),
  fc.record({ kind: fc.constant('update' as const), pod: pods }),
  fc.record({ kind: fc.constant('lose' as const), index: fc.nat(7) }),
  fc.record({ kind: fc.constant('sandbox' as const) }),
  fc.record({ kind: fc.constant('forgive' as const) }),
  fc.record({ kind: fc.constant('delete' as const), gracePeriodSeconds: fc.nat(60) }),
);

describe('the planner', () => {
  it('never throws, and comes to an end under any answers of the runtime', () => {
    fc.assert(
      fc.property(pods, states, fc.infiniteStream(fc.boolean()), (pod, state, successes) => {
        settle(pod, structuredClone(state), () => successes.next().value);
      }),
      { numRuns: 500 },
    );
  });

  it('comes to an end again whatever befalls a pod: ends, verdicts, changes in place, losses, deletion', () => {
    fc.assert(
      fc.property(pods, fc.array(events, { maxLength: 6 }), fc.infiniteStream(fc.boolean()), (first, befalls, successes) => {
        const world = observe({ sandboxes: [], images: {}, directories: 'unknown' });
        let pod = first;
        settle(pod, world, () => successes.next().value);
        for (const event of befalls) {
          pod = event.kind === 'update' && world.deletion === undefined ? event.pod : pod;
          befall(world, event);
          settle(pod, world, () => successes.next().value);
        }
        world.failures = {};
        settle(pod, world, () => true);
      }),
      { numRuns: 300 },
    );
  });

  it('makes a plan of any pod that passes validation, and any other gets errors that name a field', () => {
    const any = arbitraryObject('v1', 'Pod') as unknown as fc.Arbitrary<Pod>;
    fc.assert(
      fc.property(fc.oneof(pods, any), states, (pod, state) => {
        const errors = validatePod(pod);
        if (errors.length === 0) expect(plan(defaultPod(pod), state, now).status.phase).toBeDefined();
        for (const { path, message } of errors) expect([path, message]).not.toContain('');
      }),
      { numRuns: 150 },
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

  it('stops no sidecar for good before the other containers', () => {
    fc.assert(
      fc.property(pods, states, (pod, state) => {
        const { actions } = plan(pod, { ...state, failures: {} }, now);
        const sidecar = (name: string) => pod.spec?.initContainers?.some((each) => each.name === name && each.restartPolicy === 'Always');
        for (const action of actions) {
          if (action.kind !== 'stop-containers' || !action.podEnds) continue;
          const alive = state.containers.filter(({ state: is }) => is === 'running' || is === 'unknown').map(({ id }) => id);
          expect(action.containers.map(({ id }) => id).sort()).toEqual(alive.sort());
          for (const { name, turn = 0 } of action.containers) expect(turn > 0).toBe(sidecar(name) ?? false);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('any pod in any state', () => {
  it('can be explained: in a sentence, and step by step', () => {
    const nothing = { trace: { records: [], open: [], sandboxIds: [] }, answers: [], backOff: defaultBackOff };
    fc.assert(
      fc.property(pods, states, (pod, observed) => {
        const { status } = plan(pod, observed, now);
        const { summary, steps } = explain({ ...nothing, pod: { ...pod, status }, observed }, now);
        expect(summary).not.toMatch(/undefined|NaN|Invalid/);
        for (const { state, detail } of steps) expect(state === 'waiting' || detail.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

function befall(world: ObservedPod, event: typeof events extends fc.Arbitrary<infer E> ? E : never): void {
  const instance = 'index' in event ? world.containers[event.index] : undefined;
  if (event.kind === 'exit' && instance?.state === 'running') {
    Object.assign(instance, { state: 'exited', exitCode: event.exitCode, finishedAt: seconds(-1) });
  }
  if (event.kind === 'probe' && instance) world.probes = { ...world.probes, [instance.id]: event.verdict };
  if (event.kind === 'lose' && instance) world.containers = world.containers.filter((each) => each !== instance);
  if (event.kind === 'sandbox') for (const sandbox of world.sandboxes) sandbox.ready = false;
  if (event.kind === 'forgive') world.failures = {};
  if (event.kind === 'delete') Object.assign(world, { deletion: { gracePeriodSeconds: event.gracePeriodSeconds }, endingSince: now });
}
