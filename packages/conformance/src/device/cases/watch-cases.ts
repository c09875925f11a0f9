import { setTimeout as sleep } from 'node:timers/promises';
import { expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import type { Device } from '../messages.ts';
import type { DeviceTarget } from '../target.ts';
import { Watch } from '../watch.ts';

/** How long a stream is looked at in which nothing happens. */
const lookMs = 3_000;
/** Some plugins tell the same again now and then, as a sign of life. */
const mostLists = 10;
const manyWatches = 50;
/** How long the end of a watch may take to have done its harm. */
const settleMs = 300;

const idsIn = (devices: Device[]): string[] => devices.map(({ ID }) => ID).toSorted();

/** Runs `work` with watches beside that of the kubelet. */
async function withWatches(target: DeviceTarget, count: number, work: (...watches: Watch[]) => Promise<void>): Promise<void> {
  const { client } = await target.plugin();
  const watches = Array.from({ length: count }, () => new Watch(client));
  await withCleanUp(
    () => work(...watches),
    async () => void (await Promise.all(watches.map((watch) => watch.end()))),
  );
}

/** The stream by which the kubelet learns of devices. */
export const watchCases: Case<DeviceTarget>[] = [
  {
    id: 'watch.first-list',
    group: 'watch',
    clause:
      'ListAndWatch tells of the devices as soon as it is called, without waiting for a change (device plugins page, Device plugin implementation)',
    proves: ['ListAndWatch', 'ListAndWatchResponse.devices'],
    async run(target) {
      await withWatches(target, 1, async (watch) => void (await watch.first(target.patienceMs)));
    },
  },
  {
    id: 'watch.stays-open',
    group: 'watch',
    clause: 'the stream stays open: where it ends, the kubelet takes all devices for unhealthy (devicemanager, manager.go)',
    proves: ['ListAndWatch', 'Watch.open'],
    async run(target) {
      const { watch } = await target.plugin();
      await watch.first(target.patienceMs);
      await sleep(lookMs);
      expectTrue(!watch.hasEnded, `the stream ended: ${watch.howItEnded}`);
    },
  },
  {
    id: 'watch.quiet',
    group: 'watch',
    clause: 'a list comes when something has changed, not over and over: the kubelet works through each (api.proto, ListAndWatch)',
    proves: ['ListAndWatch', 'Watch.quiet'],
    exclusive: true,
    async run(target) {
      const { watch } = await target.plugin();
      await watch.first(target.patienceMs);
      const before = watch.lists.length;
      await sleep(lookMs);
      const came = watch.lists.length - before;
      expectTrue(!watch.hasEnded, `the stream ended: ${watch.howItEnded}`);
      expectTrue(came <= mostLists, `${came} lists came within ${lookMs} ms, in which nothing was done`);
    },
  },
  {
    id: 'watch.two',
    group: 'watch',
    clause:
      'who begins to watch gets the whole list, also while another watches: a kubelet may begin before the last is gone (api.proto, ListAndWatch)',
    proves: ['ListAndWatch', 'Watch.several'],
    async run(target) {
      await withWatches(target, 2, async (...watches) => {
        const [first = [], second = []] = await Promise.all(watches.map((watch) => watch.first(target.patienceMs)));
        expectSame(idsIn(second), idsIn(first), 'ids in the lists of two watches');
      });
    },
  },
  {
    id: 'watch.same-again',
    group: 'watch',
    clause: 'a watch that begins after another has ended gets the same devices (api.proto, ListAndWatch)',
    proves: ['ListAndWatch', 'Watch.again'],
    async run(target) {
      const lists: string[][] = [];
      for (let time = 0; time < 2; time++) {
        await withWatches(target, 1, async (watch) => void lists.push(idsIn(await watch.first(target.patienceMs))));
      }
      expectSame(lists[1], lists[0], 'ids in the lists of two watches, one after the other');
    },
  },
  {
    id: 'watch.ended',
    group: 'watch',
    clause: 'a watch that the client ends leaves the plugin as it is: it answers, and other watches go on (gRPC, cancellation)',
    proves: ['ListAndWatch', 'Watch.ended'],
    async run(target) {
      const { client, watch } = await target.plugin();
      await withWatches(target, 1, async (own) => void (await own.first(target.patienceMs)));
      await sleep(settleMs);
      await client.GetDevicePluginOptions({});
      expectTrue(!watch.hasEnded, `the other watch ended with it: ${watch.howItEnded}`);
    },
  },
  {
    id: 'watch.many-ended',
    group: 'watch',
    clause: 'watches that end as soon as they begin leave the plugin as it is (gRPC, cancellation)',
    proves: ['ListAndWatch', 'Watch.ended'],
    async run(target) {
      const { client, watch } = await target.plugin();
      await withWatches(target, manyWatches, async () => undefined);
      await sleep(settleMs);
      await client.GetDevicePluginOptions({});
      expectTrue(!watch.hasEnded, `the other watch ended with them: ${watch.howItEnded}`);
      await withWatches(target, 1, async (own) => void (await own.first(target.patienceMs)));
    },
  },
];
