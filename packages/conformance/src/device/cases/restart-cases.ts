import { setTimeout as sleep } from 'node:timers/promises';
import { limitWithinCase } from '../../case-scope.ts';
import { expectSame, expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { allocate, expectStillAllocates } from '../allocation.ts';
import { command, healthyDevice } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';
import type { TestNode } from '../test-node.ts';

const timeLimitMs = 180_000;
const goneMs = 3_000;
const shortMs = 200;

/** How long is waited for what a plugin may do. */
const optionalMs = 5_000;

const page = 'device plugins page, Handling kubelet restarts';

/** A case about a kubelet that begins anew; the plugin is registered before it. */
function restartCase(
  id: string,
  clause: string,
  proves: string[],
  run: (node: TestNode, target: DeviceTarget) => Promise<void>,
  needs: Case<DeviceTarget>['needs'] = [],
): Case<DeviceTarget> {
  return {
    id: `restart.${id}`,
    group: 'restart',
    clause,
    proves: ['Register', ...proves],
    needs: [command, ...needs],
    timeLimitMs,
    exclusive: true,
    async run(target) {
      await target.plugin();
      await run(target.node, target);
    },
  };
}

/** A kubelet that begins removes all sockets in the directory, and makes its own: by that plugins notice. */
export const restartCases: Case<DeviceTarget>[] = [
  restartCase(
    'registers-again',
    `a plugin registers again with a kubelet that begins anew (${page})`,
    ['Restart.registers'],
    async (node) => {
      await node.restartKubelet();
      await node.registered();
    },
  ),
  restartCase(
    'itself',
    `a plugin detects that the kubelet begins anew by itself: it needn't be started again (${page})`,
    ['Restart.itself'],
    async (node) => {
      const { process } = node;
      await node.restartKubelet();
      await node.registered();
      expectTrue(node.process === process && !process.ended.aborted, `it ended when the kubelet began anew; ${process.lastWords}`);
    },
  ),
  restartCase(
    'first-list',
    `to the new kubelet it tells all devices at once, under the ids that they had (${page})`,
    ['ListAndWatch', 'Device.ID', 'Restart.ids'],
    async (node, target) => {
      const ids = async (): Promise<string[]> => (await target.devices()).map(({ ID }) => ID).toSorted();
      const before = await ids();
      await node.restartKubelet();
      await (await node.registered()).watch.first(target.patienceMs);
      expectSame(await ids(), before, 'ids that the next kubelet is told');
    },
  ),
  restartCase(
    'allocates-again',
    `what the kubelet before has given to containers, the next one can allocate again: containers start anew (devicemanager, manager.go)`,
    ['Allocate', 'Restart.allocate'],
    async (node, target) => {
      const ids = (await target.healthyIds()).slice(0, 1);
      await allocate((await target.plugin()).client, ids);
      await node.restartKubelet();
      await allocate((await node.registered()).client, ids);
    },
    [healthyDevice],
  ),
  restartCase('gone', `a plugin waits for a kubelet that is gone for a while (${page})`, ['Restart.gone'], async (node) => {
    await node.restartKubelet({ absentMs: goneMs });
    await node.registered();
  }),
  restartCase(
    'sockets-first',
    `the sockets are removed before the kubelet has a new one: a plugin copes with the time between (devicemanager, server.go)`,
    ['Restart.sockets'],
    async (node) => {
      await node.endKubelet();
      await node.removeSockets();
      await sleep(5 * shortMs);
      await node.beginKubelet();
      await node.registered();
    },
  ),
  restartCase(
    'crashed',
    `a kubelet that was killed leaves its socket: a plugin registers with the next one (${page})`,
    ['Restart.crashed'],
    async (node) => {
      await node.crashKubelet();
      await sleep(shortMs);
      await node.beginKubelet();
      await node.registered();
    },
  ),
  restartCase(
    'at-once',
    `a kubelet that begins anew before the plugin has registered gets it too (${page})`,
    ['Restart.repeated'],
    async (node) => {
      await node.restartKubelet();
      await node.restartKubelet();
      await node.registered();
    },
  ),
  restartCase(
    'five-times',
    `a plugin registers with the last of several kubelets in a row (${page})`,
    ['Restart.repeated'],
    async (node) => {
      for (let count = 0; count < 5; count++) await node.restartKubelet({ absentMs: shortMs });
      await node.registered();
    },
  ),
  restartCase(
    'during-allocate',
    `a kubelet that goes away during Allocate does the plugin no harm (${page})`,
    ['Allocate', 'Restart.allocate'],
    async (node, target) => {
      const { client } = await target.plugin();
      const ids = await target.healthyIds();
      const calls = Array.from({ length: 20 }, () => client.Allocate({ containerRequests: [{ devicesIds: ids }] }));
      const ended = Promise.allSettled(calls);
      await node.restartKubelet();
      await ended;
      await expectStillAllocates(await node.registered());
    },
    [healthyDevice],
  ),
  restartCase(
    'register-hangs',
    `a kubelet that goes away without having answered Register doesn't keep the plugin from the next one (${page})`,
    ['Restart.register'],
    async (node) => {
      await node.restartKubelet({ answer: 'hangs' });
      await node.registerCalled();
      await node.restartKubelet();
      await node.registered();
    },
  ),
  restartCase(
    'refused',
    `a plugin whose registration is refused tries again, or ends, so that it is started again (api.proto, Registration)`,
    ['Restart.refused'],
    async (node) => {
      const kubelet = await node.restartKubelet({ answer: 'refuses' });
      await node.registerCalled();
      kubelet.answer = 'accepts';
      await node.registered();
    },
  ),
  restartCase(
    'refused-before',
    `a plugin that one kubelet refuses registers with the next one (${page})`,
    ['Restart.refused'],
    async (node) => {
      await node.restartKubelet({ answer: 'refuses' });
      await node.registerCalled();
      await node.restartKubelet();
      await node.registered();
    },
  ),
  restartCase(
    'kubelet-socket-only',
    `a plugin may notice a new kubelet.sock by itself, too (${page}, which obliges it to notice the removal of its own)`,
    ['Restart.sockets'],
    async (node) => {
      const kubelet = await node.restartKubelet({ keepsSockets: true });
      if (await kubelet.registration(node.resource, limitWithinCase(Math.min(optionalMs, node.patienceMs)))) return;
      throw new SkipCase('it notices no new kubelet.sock where its own socket stays, which no kubelet of today leaves there');
    },
  ),
  restartCase(
    'own-socket-removed',
    `a plugin can serve and register again when its socket is removed while the kubelet goes on (${page})`,
    ['Restart.sockets'],
    async (node) => {
      const { kubelet } = node;
      await kubelet.forget();
      await node.removeSocketsOfPlugins();
      if (await kubelet.registration(node.resource, limitWithinCase(Math.min(optionalMs, node.patienceMs)))) return;
      throw new SkipCase('it notices no removal of its socket while the kubelet goes on, which no kubelet does');
    },
  ),
];
