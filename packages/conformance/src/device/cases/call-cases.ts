import { connect as connectSocket } from 'node:net';
import { connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import { boundedCall } from '../../case-scope.ts';
import { expectEqual, expectSame } from '../../expect.ts';
import { expectRefused, refusalOf, unlessRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import { allocate, expectStillAllocates, unknownId } from '../allocation.ts';
import { healthyDevice } from '../needs.ts';
import { connectPlugin } from '../served-plugin.ts';
import type { DeviceTarget } from '../target.ts';

const manyCalls = 100;
const manyContainers = 1_000;
const manyIds = 20_000;

/** Calls with any bytes for a message, of a method by its path. */
function rawCalls(socket: string, path: string) {
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  } as const;
  return connect({ call: method }, `unix://${socket}`);
}

async function rawCall(socket: string, path: string, message: Buffer): Promise<unknown> {
  const client = rawCalls(socket, path);
  try {
    return await client.call(message, boundedCall());
  } finally {
    client.close();
  }
}

/** Another client than the kubelet's, whose `:authority` is what older ones send. */
async function withAuthority(target: DeviceTarget, authority: string): Promise<void> {
  const client = connectPlugin((await target.plugin()).socket, target.coverage, authority);
  try {
    await client.GetDevicePluginOptions({});
  } catch (thrown) {
    throw new SkipCase(`it refuses it, and kubelets of today send localhost: ${PluginError.from(thrown).message}`);
  } finally {
    client.close();
  }
}

/** What holds for calls of any kind. */
export const callCases: Case<DeviceTarget>[] = [
  {
    id: 'call.options',
    group: 'call',
    clause: 'GetDevicePluginOptions answers, and the same each time (api.proto, GetDevicePluginOptions)',
    proves: ['GetDevicePluginOptions', 'DevicePluginOptions.pre_start_required', 'DevicePluginOptions.get_preferred_allocation_available'],
    async run(target) {
      const { client, options } = await target.plugin();
      expectSame(await client.GetDevicePluginOptions({}), options, 'options, asked for again');
    },
  },
  {
    id: 'call.concurrent',
    group: 'call',
    clause:
      'calls at the same time are all answered, each for what it asked (devicemanager, manager.go: pods are admitted while others start)',
    proves: ['Allocate', 'Call.concurrent'],
    needs: [healthyDevice],
    async run(target) {
      const { client } = await target.plugin();
      const ids = await target.healthyIds();
      await Promise.all(Array.from({ length: manyCalls }, (_, index) => allocate(client, [ids[index % ids.length] ?? ''])));
    },
  },
  {
    id: 'call.concurrent-kinds',
    group: 'call',
    clause: 'calls of all kinds at the same time are answered, refused ones too (gRPC)',
    proves: ['Allocate', 'GetDevicePluginOptions', 'Call.concurrent'],
    needs: [healthyDevice],
    async run(target) {
      const { client } = await target.plugin();
      const ids = (await target.healthyIds()).slice(0, 1);
      const kinds = [
        () => allocate(client, ids),
        () => unlessRefused(allocate(client, [unknownId])),
        () => client.GetDevicePluginOptions({}),
        () => unlessRefused(client.PreStartContainer({ devicesIds: ids })),
        () => unlessRefused(client.GetPreferredAllocation({ containerRequests: [{ availableDeviceIDs: ids, allocationSize: 1 }] })),
      ];
      await Promise.all(Array.from({ length: manyCalls }, (_, index) => (kinds[index % kinds.length] ?? kinds[0])?.()));
    },
  },
  {
    id: 'call.cancelled',
    group: 'call',
    clause: 'calls that the kubelet gives up leave the plugin as it is (gRPC, cancellation)',
    proves: ['Allocate', 'Call.cancelled'],
    needs: [healthyDevice],
    async run(target) {
      const plugin = await target.plugin();
      const ids = await target.healthyIds();
      const calls = Array.from({ length: manyCalls }, () => {
        const given = new AbortController();
        const call = plugin.client.Allocate({ containerRequests: [{ devicesIds: ids }] }, { signal: given.signal });
        setImmediate(() => given.abort());
        return call;
      });
      await Promise.allSettled(calls);
      await expectStillAllocates(plugin);
    },
  },
  {
    id: 'call.deadline',
    group: 'call',
    clause: 'calls whose time is over at once leave the plugin as it is (gRPC, deadlines)',
    proves: ['Allocate', 'Call.cancelled'],
    needs: [healthyDevice],
    async run(target) {
      const plugin = await target.plugin();
      const ids = await target.healthyIds();
      await Promise.allSettled(
        Array.from({ length: manyCalls }, () => plugin.client.Allocate({ containerRequests: [{ devicesIds: ids }] }, { deadlineMs: 1 })),
      );
      await expectStillAllocates(plugin);
    },
  },
  {
    id: 'call.many-containers',
    group: 'call',
    clause: `a request for ${manyContainers} containers is answered for each, or refused (api.proto, AllocateRequest)`,
    proves: ['AllocateRequest.container_requests', 'Call.large'],
    needs: [healthyDevice],
    async run(target) {
      const plugin = await target.plugin();
      const devicesIds = (await target.healthyIds()).slice(0, 1);
      const answer = await unlessRefused(
        plugin.client.Allocate({ containerRequests: Array.from({ length: manyContainers }, () => ({ devicesIds })) }),
      );
      if (answer) expectEqual(answer.containerResponses.length, manyContainers, 'container_responses');
      await expectStillAllocates(plugin);
    },
  },
  {
    id: 'call.large',
    group: 'call',
    clause: 'a request of a megabyte is refused for what it asks, and leaves the plugin as it is (gRPC, messages of up to 4 MiB)',
    proves: ['Allocate', 'Call.large'],
    needs: [healthyDevice],
    async run(target) {
      const plugin = await target.plugin();
      const devicesIds = Array.from({ length: manyIds }, (_, index) => `${unknownId}-${'0'.repeat(30)}-${index}`);
      await expectRefused(plugin.client.Allocate({ containerRequests: [{ devicesIds }] }), `Allocate of ${manyIds} unknown ids`);
      await expectStillAllocates(plugin);
    },
  },
  {
    id: 'call.unknown-method',
    group: 'call',
    clause: 'a method that the plugin does not know is answered with UNIMPLEMENTED (gRPC, status codes)',
    proves: ['Call.unknown'],
    async run(target) {
      const { socket } = await target.plugin();
      for (const path of ['/v1beta1.DevicePlugin/Deallocate', '/v1beta2.DevicePlugin/Allocate']) {
        expectEqual((await refusalOf(rawCall(socket, path, Buffer.alloc(0)), path)).code, 'UNIMPLEMENTED', `answer to ${path}`);
      }
    },
  },
  {
    id: 'call.broken-message',
    group: 'call',
    clause: 'bytes that are no message are refused, and leave the plugin as it is (gRPC, status codes)',
    proves: ['Allocate', 'Call.broken'],
    needs: [healthyDevice],
    async run(target) {
      const plugin = await target.plugin();
      // A tag of a wire type that there is none of.
      await refusalOf(
        rawCall(plugin.socket, '/v1beta1.DevicePlugin/Allocate', Buffer.from([0x0f])),
        'Allocate of bytes that are no message',
      );
      await expectStillAllocates(plugin);
    },
  },
  {
    id: 'call.broken-connection',
    group: 'call',
    clause: 'connections that speak no HTTP/2, and that end at once, leave the plugin as it is (gRPC over HTTP/2)',
    proves: ['Call.broken'],
    needs: [healthyDevice],
    async run(target, signal) {
      const plugin = await target.plugin();
      for (const said of ['', 'GET / HTTP/1.1\r\n\r\n', '\0'.repeat(1_000)]) await sayAndLeave(plugin.socket, said, signal);
      await expectStillAllocates(plugin);
    },
  },
  {
    id: 'call.authority-encoded',
    group: 'call',
    clause:
      "a client may send the socket's path as :authority, percent-encoded, as grpc-go does where nobody says otherwise (gRPC over HTTP/2)",
    proves: ['Call.authority'],
    async run(target) {
      await withAuthority(target, encodeURIComponent((await target.plugin()).socket));
    },
  },
  {
    id: 'call.authority-path',
    group: 'call',
    clause: "kubelets before 1.23 send the socket's path as :authority, as it is (grpc-go before 1.56; gRPC over HTTP/2)",
    proves: ['Call.authority'],
    async run(target) {
      await withAuthority(target, (await target.plugin()).socket);
    },
  },
];

async function sayAndLeave(path: string, text: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connectSocket(path);
  socket.once('error', reject).once('connect', () => socket.write(text, () => resolve()));
  const give = (): void => reject(new Error('the plugin takes no connections'));
  signal.addEventListener('abort', give, { once: true });
  await withCleanUp(
    () => promise,
    async () => {
      signal.removeEventListener('abort', give);
      socket.on('error', () => undefined).destroy();
    },
  );
}
