import { setTimeout as sleep } from 'node:timers/promises';
import { expectSame } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { command } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';

const timeLimitMs = 180_000;

/** How long a plugin runs without a kubelet. */
const aloneMs = 1_000;

const idsOf = async (target: DeviceTarget): Promise<string[]> => (await target.devices()).map(({ ID }) => ID).toSorted();

/** A plugin starts, whatever it finds. One that ends for want of a kubelet is started again, as a DaemonSet would. */
export const startCases: Case<DeviceTarget>[] = [
  {
    id: 'start.registers',
    group: 'start',
    clause: 'a plugin registers when it starts, without being asked (device plugins page, Device plugin implementation)',
    proves: ['Register', 'Start.registers'],
    needs: [command],
    timeLimitMs,
    exclusive: true,
    async run(target) {
      await target.plugin();
      await target.node.restartPlugin();
      await target.node.registered();
    },
  },
  {
    id: 'start.before-kubelet',
    group: 'start',
    clause: 'a plugin that starts before the kubelet registers once that is there (device plugins page, Handling kubelet restarts)',
    proves: ['Register', 'Start.kubelet'],
    needs: [command],
    timeLimitMs,
    exclusive: true,
    async run({ node }) {
      await node.endKubelet();
      await node.restartPlugin();
      await sleep(aloneMs);
      await node.beginKubelet();
      await node.registered();
    },
  },
  {
    id: 'start.dead-kubelet-socket',
    group: 'start',
    clause:
      'the socket of a kubelet that has crashed is none: a plugin registers with the next one (device plugins page, Handling kubelet restarts)',
    proves: ['Register', 'Start.kubelet'],
    needs: [command],
    timeLimitMs,
    exclusive: true,
    async run({ node }) {
      await node.crashKubelet();
      await node.restartPlugin();
      await sleep(aloneMs);
      await node.beginKubelet();
      await node.registered();
    },
  },
  {
    id: 'start.dead-own-socket',
    group: 'start',
    clause:
      'the socket of its own that a plugin finds after it was killed is in nobody’s way (device plugins page, Device plugin implementation)',
    proves: ['RegisterRequest.endpoint', 'Start.own-socket'],
    needs: [command],
    timeLimitMs,
    exclusive: true,
    async run(target) {
      const { socket } = await target.plugin();
      // Killed: it had no time to remove its socket.
      await target.node.restartPlugin();
      const again = await target.node.registered();
      if (again.socket === socket) await again.watch.first(target.patienceMs);
    },
  },
  {
    id: 'start.same-ids',
    group: 'start',
    clause:
      'devices keep their ids when the plugin is started again: by them the kubelet remembers who has which (devicemanager, checkpoint)',
    proves: ['Device.ID', 'Start.ids'],
    needs: [command],
    timeLimitMs,
    exclusive: true,
    async run(target) {
      await target.plugin();
      const before = await idsOf(target);
      await target.node.restartPlugin();
      await target.node.registered();
      expectSame(await idsOf(target), before, 'ids after a restart of the plugin');
    },
  },
];
