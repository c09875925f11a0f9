import { join } from 'node:path';
import { pino } from 'pino';
import { Kubelet } from '../src/kubelet.ts';
import { ManifestSource } from '../src/sources/manifest-source.ts';
import { timerClient } from './timer-client.ts';

/** A kubelet as a process of its own, to be killed: `kubelet-process.ts DIRECTORY RUNTIME-ADDRESS`. Says `up` once it has begun. */
const [directory = '', address = ''] = process.argv.slice(2);
const client = timerClient(address, {});
const kubelet = new Kubelet({
  nodeName: 'node',
  run: join(directory, 'run'),
  kubeletRoot: join(directory, 'kubelet'),
  podLogsDir: join(directory, 'logs'),
  runtimes: new Map([['timer', client]]),
  defaultHandler: 'timer',
  runtimeClasses: [],
  sources: [new ManifestSource({ paths: [join(directory, 'manifests')], nodeName: 'node', rescanMs: 200 })],
  log: pino({ level: process.env.LOG_LEVEL ?? 'silent' }, pino.destination(2)),
  backOff: { crashInitialMs: 20_000, crashMaxMs: 40_000, imageInitialMs: 100, imageMaxMs: 300, syncErrorMs: 100, transientErrorMs: 50 },
  intervals: { relistMs: 50, housekeepingMs: 50 },
});
await kubelet.start();
process.stdout.write('up\n');
