import { existsSync } from 'node:fs';
import { expectEqual, expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { command } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';

const timeLimitMs = 180_000;
/** What a pod gets (terminationGracePeriodSeconds). */
const graceMs = 30_000;
/** How long what a plugin has started may take to end after it. */
const childrenMs = 2_000;

/** Ends the plugin by SIGTERM, as for an update of its DaemonSet. */
async function terminate(target: DeviceTarget): Promise<{ socket: string; hasEnded: boolean; limitMs: number }> {
  const { socket } = await target.plugin();
  const limitMs = Math.min(graceMs, target.patienceMs);
  target.node.terminatePlugin();
  return { socket, hasEnded: await target.node.process.endsWithin(limitMs), limitMs };
}

function shutdownCase(id: string, clause: string, proves: string[], run: (target: DeviceTarget) => Promise<void>): Case<DeviceTarget> {
  return { id: `shutdown.${id}`, group: 'shutdown', clause, proves, needs: [command], timeLimitMs, exclusive: true, run };
}

/** A plugin is told to end. */
export const shutdownCases: Case<DeviceTarget>[] = [
  shutdownCase(
    'ends',
    'SIGTERM ends a plugin in the 30 s that a pod gets, whether anybody watches or not (Pod lifecycle page, Termination)',
    ['Shutdown.ends'],
    async (target) => {
      const { hasEnded, limitMs } = await terminate(target);
      expectTrue(hasEnded, `the command did not end within ${limitMs} ms after SIGTERM; ${target.node.process.lastWords}`);
    },
  ),
  shutdownCase(
    'no-children',
    'a plugin that ends leaves no process behind: outside of a container nobody else ends it (Pod lifecycle page, Termination)',
    ['Shutdown.children'],
    async (target) => {
      if (process.platform !== 'linux') throw new SkipCase('which processes a command has started is known on Linux alone');
      const { hasEnded, limitMs } = await terminate(target);
      expectTrue(hasEnded, `the command did not end within ${limitMs} ms after SIGTERM`);
      expectEqual((await target.node.process.leftAfter(childrenMs)).join(', '), '', 'processes that are left after the end of the command');
    },
  ),
  shutdownCase(
    'starts-again',
    'after its end it can be started again, and registers (device plugins page, Device plugin deployment)',
    ['Register', 'Shutdown.again'],
    async (target) => {
      await terminate(target);
      await target.node.restartPlugin();
      await target.node.registered();
    },
  ),
  shutdownCase(
    'socket',
    'a plugin that ends may remove its socket; kubelets remove it when they begin (device plugins page, Handling kubelet restarts)',
    ['Shutdown.socket'],
    async (target) => {
      const { socket, hasEnded } = await terminate(target);
      if (hasEnded && existsSync(socket)) throw new SkipCase('it leaves its socket, which the API leaves open');
      expectTrue(hasEnded, 'the command did not end');
    },
  ),
];
