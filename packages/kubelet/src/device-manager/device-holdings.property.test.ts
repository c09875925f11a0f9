import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { neverAborted } from '@berth/sdk/abort';
import type { DevicePluginClient } from '@berth/sdk/device/client';
import { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { PluginError } from '@berth/sdk/errors';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { resourcePod } from '../../testing/resource-pods.ts';
import { resourceContainers, uidOf } from '../pod.ts';
import { endsBeforeOthers } from '../pod-demand.ts';
import { AllocateCaller } from './allocate-caller.ts';
import { DeviceCheckpoint } from './device-checkpoint.ts';
import { DeviceHoldings, type Holding } from './device-holdings.ts';
import { deviceRequests } from './device-requests.ts';
import { DeviceReservations } from './device-reservations.ts';
import { deviceNear } from './device-set.ts';

const resource = 'vendor.example/thing';
const ids = ['a', 'b', 'c', 'd', 'e', 'f'];

const podShapes: fc.Arbitrary<Record<'init' | 'sidecars' | 'containers', number[]>> = fc.record({
  init: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
  sidecars: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 1 }),
  containers: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 3 }),
});

/** Mostly all of them, and in order. */
const some = fc.oneof({ weight: 3, arbitrary: fc.constant(ids) }, { weight: 1, arbitrary: fc.subarray(ids) });
const pod = fc.nat(9);

const steps = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('admit' as const), shape: podShapes }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('allocate' as const), pod, prefers: fc.subarray(ids), fails: fc.nat(9).map((n) => n === 0) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('free' as const), pod }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('list' as const), there: some, healthy: some }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'die' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), memory: fc.constantFrom('kept', 'lost') }) },
);

/** The device manager without sockets: the plugin answers as each step says. */
class Model {
  readonly checkpoint: DeviceCheckpoint;
  readonly pods = new Map<string, Pod>();
  holdings = new DeviceHoldings();
  prefers: readonly string[] = [];
  fails = false;
  #made = 0;

  constructor(directory: string) {
    this.checkpoint = new DeviceCheckpoint(directory);
  }

  /** Those that were admitted and are there. */
  pod(index: number): Pod | undefined {
    return [...this.pods.values()][index % Math.max(1, this.pods.size)];
  }

  admit(shape: Record<'init' | 'sidecars' | 'containers', number[]>): void {
    const named = (prefix: string, counts: number[]) =>
      Object.fromEntries(counts.map((count, index) => [`${prefix}${index}`, count > 0 ? { [resource]: `${count}` } : {}]));
    const pod = resourcePod(`pod${this.#made++}`, {
      init: named('init', shape.init),
      sidecars: named('side', shape.sidecars),
      containers: named('main', shape.containers),
    });
    const { holdings } = this;
    const reservations = new DeviceReservations({
      holdings,
      numaNodes: () => [0, 1],
      isAwaited: () => false,
      nameOfPod: (uid) => uid,
    });
    const refused = resourceContainers(pod).some((container) => reservations.allocate(pod, container, { affinity: 1, preferred: true }));
    if (refused) reservations.release(uidOf(pod));
    else this.pods.set(uidOf(pod), pod);
  }

  async allocate(pod: Pod): Promise<void> {
    const { holdings } = this;
    const client = {
      resourceName: resource,
      options: { getPreferredAllocationAvailable: true },
      preferred: async () => [...this.prefers],
      allocate: async (chosen: readonly string[]) => {
        if (this.fails) throw new Error('the plugin refuses');
        return ContainerAllocateResponse.create({ envs: { CHOSEN: chosen.join() } });
      },
    } as unknown as DevicePluginClient;
    const unregistered = () => new PluginError('UNAVAILABLE', 'it is not there');
    const plugins = { clientOf: () => client, tellPreference: () => {}, unregistered };
    const calls = new AllocateCaller({ holdings, plugins, onAllocated: () => {} });
    if (await calls.callFor(pod, neverAborted)) {
      holdings.release(uidOf(pod));
      this.pods.delete(uidOf(pod));
    }
    this.save();
  }

  save(): void {
    const answered = this.holdings.all().filter(({ answer }) => answer);
    this.checkpoint.save(
      { holdings: answered, unknown: this.holdings.holdersOfUnknown(), registered: [resource], bootId: 'boot' },
      () => undefined,
    );
  }

  /** What was only set apart is forgotten: its pods begin anew. */
  restart(memory: string): void {
    const before = this.holdings;
    const known = memory === 'kept' ? this.checkpoint.load() : undefined;
    this.holdings = new DeviceHoldings();
    this.holdings.setDevices(resource, new Map());
    for (const holding of known?.holdings ?? []) this.holdings.put(holding);
    for (const holder of known?.unknown ?? []) this.holdings.addUnknownDevices(holder);
    for (const [uid, pod] of this.pods) {
      const running = before.ofPod(uid).filter(({ answer }) => answer);
      if (running.length > 0) this.running.set(uid, running);
      if (!this.running.has(uid)) this.pods.delete(uid);
      else if (!known) this.#adopt(pod);
    }
  }

  /** As the device manager does with pods that ran before it was started. */
  #adopt(pod: Pod): void {
    for (const container of resourceContainers(pod)) {
      const holder = { uid: uidOf(pod), container: container.name, resource };
      if (deviceRequests(container).has(resource)) this.holdings.addUnknownDevices(holder);
    }
  }

  /** What containers had when the memory of it was lost. */
  readonly running = new Map<string, Holding[]>();
}

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-devices-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

it('no device is handed out twice, whatever happens', async () => {
  let answers = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 40 }), async (sequence) => {
      rmSync(join(directory, 'kubelet_internal_checkpoint'), { force: true });
      const model = new Model(directory);
      model.holdings.setDevices(resource, new Map(ids.map((id, index) => [id, deviceNear([index % 2])])));
      for (const step of sequence) {
        if (step.kind === 'admit') model.admit(step.shape);
        if (step.kind === 'list') {
          model.holdings.setDevices(resource, new Map(step.there.map((id) => [id, deviceNear([0], step.healthy.includes(id))])));
        }
        if (step.kind === 'die') model.holdings.setDevices(resource, new Map());
        if (step.kind === 'restart') model.restart(step.memory);
        const pod = step.kind === 'allocate' || step.kind === 'free' ? model.pod(step.pod) : undefined;
        if (pod && step.kind === 'allocate') {
          model.prefers = step.prefers;
          model.fails = step.fails;
          await model.allocate(pod);
        }
        if (pod && step.kind === 'free') {
          model.holdings.release(uidOf(pod));
          model.running.delete(uidOf(pod));
          model.pods.delete(uidOf(pod));
          model.save();
        }
        expectNoneTwice(model);
        answers += model.holdings.all().filter(({ answer }) => answer).length;
      }
    }),
    { numRuns: 400 },
  );
  // Where no plugin answers, nothing is handed out.
  expect(answers).toBeGreaterThan(1000);
});

function expectNoneTwice({ holdings, pods, running }: Model): void {
  const owners = new Map<string, string>();
  const taken = [...running.values()].flat().filter((held) => !holdings.get(held));
  for (const { uid, ids: held } of [...holdings.all(), ...taken]) {
    for (const id of held) {
      expect([uid, owners.get(id) ?? uid], `owners of ${id}`).toEqual([uid, uid]);
      owners.set(id, uid);
    }
  }
  for (const pod of pods.values()) expectNotSharedWithin(pod, holdings);
}

/** Only what ends before the others hands its devices on. */
function expectNotSharedWithin(pod: Pod, holdings: DeviceHoldings): void {
  const lasting = resourceContainers(pod).filter((container) => !endsBeforeOthers(pod, container));
  const held = lasting.flatMap(({ name }) => {
    const holding = holdings.get({ uid: uidOf(pod), container: name, resource });
    return holding?.answer ? holding.ids : [];
  });
  expect(held).toEqual([...new Set(held)]);
}
