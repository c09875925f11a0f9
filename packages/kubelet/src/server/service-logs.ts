import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { PluginError } from '@berth/sdk/errors';
import { journalArguments, type NodeLogQuery } from './node-log-query.ts';
import type { Exchange } from './router.ts';

/** The longest that an answer may take; kubelet's. */
const limitMs = 30_000;

/** Opens a log file below the node's log directory; undefined where there is none of this name. */
type OpenLog = (path: string) => Promise<Readable | undefined>;

/** The logs of a query's services: what the journal has of them, of the others a file that is named like them. */
export async function serviceLogs(query: NodeLogQuery, { response, signal: gone }: Exchange, openLog: OpenLog): Promise<void> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(limitMs)]);
  const units = await journalUnits(signal);
  const inJournal = query.services.filter((service) => units.has(`${service}.service`));
  const others = query.services.filter((service) => !inJournal.includes(service));
  response.writeHead(200, { 'content-type': 'text/plain;charset=UTF-8', 'x-content-type-options': 'nosniff' });
  const write = async (output: Readable): Promise<void> => {
    for await (const chunk of output) if (!response.write(chunk)) await once(response, 'drain', { signal });
  };
  if (inJournal.length > 0) await journal({ ...query, services: inJournal }, write, signal);
  if (others.length > 0 && hasOptions(query)) {
    response.write(`\noptions present and query resolved to log files for [${others.join(' ')}]\ntry without specifying options\n`);
  } else {
    for (const service of others) {
      const log = await firstOf(service, openLog);
      if (log) await write(log);
      else response.write(`\nlog not found for ${service}\n`);
    }
  }
  response.end();
}

function hasOptions({ services: _, ...options }: NodeLogQuery): boolean {
  return Object.keys(options).length > 0;
}

async function firstOf(service: string, openLog: OpenLog): Promise<Readable | undefined> {
  for (const path of [service, `${service}.log`, `${service}/${service}.log`]) {
    const log = await openLog(path);
    if (log) return log;
  }
  return undefined;
}

/** The units that the journal knows; none on a host without one. */
async function journalUnits(signal: AbortSignal): Promise<Set<string>> {
  try {
    const child = spawn('journalctl', ['--field=_SYSTEMD_UNIT'], { stdio: ['ignore', 'pipe', 'ignore'], signal });
    const [units] = await Promise.all([text(child.stdout), once(child, 'close', { signal })]);
    return new Set(units.split('\n'));
  } catch {
    signal.throwIfAborted();
    return new Set();
  }
}

/** What journalctl complains of stands behind what it printed. */
async function journal(query: NodeLogQuery, write: (output: Readable) => Promise<void>, signal: AbortSignal): Promise<void> {
  const child = spawn('journalctl', journalArguments(query), { stdio: ['ignore', 'pipe', 'pipe'], signal });
  const complaint = buffer(child.stderr);
  const closed = once(child, 'close', { signal }).catch((thrown: unknown) => {
    throw PluginError.from(thrown, 'INTERNAL', { object: 'journalctl' });
  });
  await Promise.all([write(child.stdout), closed]);
  await write(Readable.from([await complaint]));
}
