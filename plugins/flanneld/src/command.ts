import { readFileSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { type Logger, pino } from 'pino';
import { parseEndpoints, readTls } from './etcd/endpoints.ts';
import { EtcdClient } from './etcd/etcd-client.ts';
import { EtcdSubnetStore } from './etcd/etcd-subnet-store.ts';
import { type Flags, parseFlags, usage } from './flags.ts';
import { runFlanneld } from './flanneld.ts';
import { serveHealth } from './health.ts';
import type { SubnetStore } from './subnet/subnet-store.ts';

/**
 * flanneld's whole program: reads flags and environment, logs on standard error (pino, JSON), and keeps the host joined until SIGINT or SIGTERM.
 * Gives the exit status: 0 after a signal, 1 with one line of error where it can't go on, 2 for a command line that can't be read.
 */
export async function main(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const flags = readFlags(argv, env);
  if (typeof flags === 'number') return flags;
  const log = pino({ name: 'flanneld', level: flags.v > 0 ? 'debug' : 'info' }, pino.destination({ dest: 2, sync: true }));
  const ended = new AbortController();
  // A second one ends it at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  try {
    await serve(flags, log, ended.signal);
    return 0;
  } catch (thrown) {
    if (ended.signal.aborted) return 0;
    log.fatal(PluginError.from(thrown).message);
    return 1;
  } finally {
    log.info('ended');
  }
}

function readFlags(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Flags | number {
  try {
    const flags = parseFlags(argv, env);
    if (flags.help) process.stdout.write(usage());
    else if (flags.version) process.stdout.write(`${version()}\n`);
    else return flags;
    return 0;
  } catch (thrown) {
    process.stderr.write(`flanneld: ${PluginError.from(thrown).message}\n`);
    return 2;
  }
}

async function serve(flags: Flags, log: Logger, signal: AbortSignal): Promise<void> {
  const store = createStore(flags);
  try {
    await withHealth(flags, () => runFlanneld({ flags, store, log }, signal));
  } finally {
    store.close();
  }
}

/** Answers health checks, where there are to be any, as long as `work` goes on. */
async function withHealth(flags: Flags, work: () => Promise<void>): Promise<void> {
  const health = flags['healthz-port'] > 0 ? await serveHealth(flags['healthz-ip'], flags['healthz-port']) : undefined;
  try {
    await work();
  } finally {
    health?.close();
    health?.closeAllConnections();
  }
}

function createStore(flags: Flags): SubnetStore {
  if (flags['kube-subnet-mgr']) {
    throw new PluginError('UNIMPLEMENTED', 'subnets in Kubernetes node objects are not there yet', {
      object: 'flag -kube-subnet-mgr',
      hint: 'leave it out and keep them in etcd',
    });
  }
  const user = flags['etcd-username'] === '' ? undefined : { name: flags['etcd-username'], password: flags['etcd-password'] };
  const client = new EtcdClient({ endpoints: parseEndpoints(flags['etcd-endpoints'], flags), tls: readTls(flags), user });
  return new EtcdSubnetStore(client, flags['etcd-prefix']);
}

function version(): string {
  const { version: own } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return own;
}
