import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KVService, RangeResponse } from '@berth/sdk/etcd';
import { serve } from '@berth/sdk/serve';
import { expect, it } from 'vitest';
import { EtcdClient } from './etcd-client.ts';
import { EtcdSubnetStore } from './etcd-subnet-store.ts';

it('an etcd that lists subnets and refuses to have them watched is asked ever more seldom', async ({ onTestFinished }) => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-flanneld-'));
  const address = `unix://${directory}/etcd.sock`;
  const served = await serve(address, [[KVService, { range: () => RangeResponse.create() }]]);
  const store = new EtcdSubnetStore(new EtcdClient({ endpoints: [{ address, secure: false }], tls: {} }), '/test');
  const end = new AbortController();
  onTestFinished(async () => {
    end.abort();
    store.close();
    await served.close(0);
    await rm(directory, { recursive: true });
  });
  const times: number[] = [];
  for await (const _ of store.watch(end.signal, () => undefined)) {
    times.push(performance.now());
    if (times.length === 4) break;
  }
  expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(650);
});
