import { parentPort, workerData } from 'node:worker_threads';
import { Bell } from '@berth/sdk/bell';
import { type DeviceDescription, devicePlugin } from '@berth/sdk/device';

/** What the thread that this file is run in is told. */
export interface BenchPluginData {
  directory: string;
  resource: string;
  count: number;
}

const { directory, resource, count } = workerData as BenchPluginData;
const stop = new AbortController();
const changed = new Bell();
let healthy = true;

const started = Promise.withResolvers<void>();

parentPort?.on('message', (message: { healthy: boolean } | 'start' | 'stop') => {
  if (message === 'start') started.resolve();
  else if (message === 'stop') stop.abort();
  else ({ healthy } = message);
  changed.ring();
});

async function* list(signal: AbortSignal): AsyncGenerator<readonly DeviceDescription[], void> {
  while (!signal.aborted) {
    yield Array.from({ length: count }, (_, index) => ({ id: `device-${index}`, healthy: index > 0 || healthy }));
    await changed.wait(signal);
  }
}

const plugin = devicePlugin({ resourceName: resource, list, allocate: (ids) => ({ envs: { DEVICES: ids.join() } }) });
parentPort?.postMessage('ready');
await started.promise;
await plugin.run({ directory, signal: stop.signal, log: () => {} });
parentPort?.close();
