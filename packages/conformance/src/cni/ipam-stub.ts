import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '../expect.ts';
import { asVersion, type CniErrorObject, type CniResult, isAtLeast } from './results.ts';

/**
 * Writes down what it is called with, then prints what stands in the file named after the verb, and fails if that is an error. The record
 * is renamed last: who sees it sees all of it.
 */
const script = `#!/bin/sh
record="\${0%/*}/record"
call="$record/$$"
env > "$call.env"
PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin"
cat > "$call.stdin"
mv "$call.env" "$call.called"
answer="\${0%/*}/answers/$CNI_COMMAND"
[ -e "$answer.hang" ] && exec sleep 60
[ -e "$answer.failure" ] && { cat "$answer.failure"; exit 1; }
[ -e "$answer" ] && cat "$answer"
exit 0
`;

/** One call that the stub was told. */
interface RecordedCall {
  verb: string;
  /** The CNI_ variables. */
  env: Record<string, string>;
  stdin: Record<string, unknown>;
}

/** The name that configurations ask for it by. */
export const stubName = 'berth-conformance-ipam';

/**
 * Writes the executable of all stubs into the directory, and gives its path. Another process writes it: what this one has open for writing
 * while it starts a program, that program keeps open for a moment, and nobody can execute it then.
 */
export function installStub(directory: string): string {
  const [text, executable] = [join(directory, `${stubName}.sh`), join(directory, stubName)];
  writeFileSync(text, script);
  execFileSync('install', ['-m', '755', text, executable]);
  return executable;
}

/** An IPAM plugin of the suite's own, which records its calls and answers what the case wants. It is in a directory for CNI_PATH. */
export class IpamStub {
  readonly directory: string;

  /** `executable` is what `installStub` has made; `parent` the directory to make this one's own in. */
  constructor(executable: string, parent: string) {
    this.directory = mkdtempSync(join(parent, 'ipam-'));
    for (const name of ['record', 'answers']) mkdirSync(join(this.directory, name));
    symlinkSync(executable, join(this.directory, stubName));
  }

  /** ADD gives these addresses; their gateways are the first ones of their networks. */
  gives(version: string, addresses: string[], more: Partial<CniResult> = {}): void {
    this.answers('ADD', JSON.stringify(ipamResult(version, addresses, more)));
  }

  answers(verb: string, text: string): void {
    this.recovers(verb);
    writeFileSync(this.#answer(verb), text);
  }

  fails(verb: string, error: CniErrorObject): void {
    writeFileSync(this.#answer(`${verb}.failure`), JSON.stringify(error));
  }

  /** Calls of that verb don't end. */
  hangs(verb: string): void {
    writeFileSync(this.#answer(`${verb}.hang`), '');
  }

  /** Calls of that verb end, and succeed. */
  recovers(verb: string): void {
    for (const fault of ['failure', 'hang']) rmSync(this.#answer(`${verb}.${fault}`), { force: true });
  }

  /** Waits for the first call. Throws when it is told by the signal to wait no longer. */
  async called(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.calls().length > 0) resolve();
    };
    const watcher = watch(join(this.directory, 'record'), { persistent: false }, look).once('error', reject);
    const giveUp = (): void => reject(new Error('the plugin has not called IPAM'));
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (signal.aborted) giveUp();
      look();
      await promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
      watcher.close();
    }
  }

  /** The first call of that verb. Throws where there was none. */
  expectCalled(verb: string): RecordedCall {
    return present(this.calls(verb)[0], `call of IPAM for ${verb}`);
  }

  /** The calls so far, of one verb or of all. */
  calls(verb?: string): RecordedCall[] {
    const record = join(this.directory, 'record');
    const names = readdirSync(record).filter((name) => name.endsWith('.called'));
    const calls = names.map((name) => {
      const lines = readFileSync(join(record, name), 'utf8').split('\n');
      const env = Object.fromEntries(lines.filter((line) => line.startsWith('CNI_')).map(parted));
      const stdin = JSON.parse(readFileSync(join(record, name.replace('.called', '.stdin')), 'utf8')) as Record<string, unknown>;
      return { verb: env.CNI_COMMAND ?? '', env, stdin };
    });
    return calls.filter((call) => verb === undefined || call.verb === verb);
  }

  #answer(name: string): string {
    return join(this.directory, 'answers', name);
  }
}

function parted(line: string): [string, string] {
  const equals = line.indexOf('=');
  return [line.slice(0, equals), line.slice(equals + 1)];
}

/** A result of IPAM in the shape of its version: no interfaces (SPEC.md, "Delegated plugins (IPAM)"). */
function ipamResult(version: string, addresses: string[], more: Partial<CniResult>): CniResult {
  const ips = addresses.map((address) => ({ address, gateway: gatewayOf(address) }));
  if (isAtLeast(version, '0.3.0')) return asVersion({ ips, dns: {}, ...more }, version);
  const of = (six: boolean) =>
    ips.filter(({ address }) => address.includes(':') === six).map(({ address, gateway }) => ({ ip: address, gateway }))[0];
  const [ip4, ip6] = [of(false), of(true)];
  return { cniVersion: version, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns: {}, ...more };
}

/** `10.1.0.1` for `10.1.0.7/24`, `fd00::1` for `fd00::7/64`. */
function gatewayOf(address: string): string {
  return address.replace(/(\.|:)[0-9a-f]+\/\d+$/i, '$11');
}
