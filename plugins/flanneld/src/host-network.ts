import { setTimeout as wait } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Backend } from './backends/backend.ts';
import type { Firewall } from './firewall/firewall.ts';
import { watchLosses } from './kernel/watch-losses.ts';
import { Repeater } from './repeater.ts';
import { describeSubnets, type Lease, leaseLost, leaseTaken, sameHost, sameSubnets } from './subnet/lease.ts';
import { ensureSubnetFile, type SubnetFile } from './subnet/subnet-file.ts';
import type { SubnetStore } from './subnet/subnet-store.ts';
import { Troubles } from './troubles.ts';
import { watchFile } from './watch-file.ts';

/** Between two looks at what the kernel knows of the other hosts, and at subnet.env. */
const reconcileEveryMs = 10_000;
/** Between two renewals at least, also where a lease is shorter than the margin. */
const shortestRenewalMs = 1_000;
/** After a renewal that failed. */
const renewRetryMs = 60_000;
/** The longest that a timer of Node waits; a lease that never ends is looked at so often. */
const longestWaitMs = 2 ** 31 - 1;

export interface HostNetworkParts {
  backend: Backend;
  firewall: Firewall;
  /** This host's. */
  lease: Lease;
  /** That is there already. */
  subnetFile: SubnetFile;
  store: SubnetStore;
  log: Logger;
  renewMarginMs: number;
  firewallEveryMs: number;
}

/** Keeps a joined host so: follows the other hosts' leases, repairs what is missing, subnet.env too, and renews its own lease. */
export class HostNetwork {
  readonly #parts: Omit<HostNetworkParts, 'lease'>;
  readonly #reconciling: Repeater;
  readonly #firewalling: Repeater;
  readonly #filing: Repeater;
  readonly #storeTroubles: Troubles;
  readonly #kernelTroubles: Troubles;
  readonly #firewallTroubles: Troubles;
  readonly #fileTroubles: Troubles;
  #lease: Lease;
  #others: readonly Lease[] | undefined;

  constructor({ lease, ...parts }: HostNetworkParts) {
    this.#parts = parts;
    this.#lease = lease;
    this.#reconciling = new Repeater({ everyMs: reconcileEveryMs, work: () => this.#reconcile() });
    this.#firewalling = new Repeater({ everyMs: parts.firewallEveryMs, work: () => this.#ensureFirewall() });
    this.#filing = new Repeater({ everyMs: reconcileEveryMs, work: () => this.#ensureSubnetFile() });
    this.#storeTroubles = new Troubles((message) => parts.log.warn(`${message}; trying again until it answers`));
    const untilDone = (): Troubles => new Troubles((message) => parts.log.error(`${message}; trying again until it succeeds`));
    this.#kernelTroubles = untilDone();
    this.#firewallTroubles = untilDone();
    this.#fileTroubles = untilDone();
  }

  /** Runs until `signal` aborts. Rejects with ABORTED when this host's lease is gone. */
  async run(signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    const ended = AbortSignal.any([signal, end.signal]);
    const following = this.#follow(ended);
    const upkeep = [
      this.#reconciling.run(ended),
      this.#firewalling.run(ended),
      watchLosses(ended, () => this.#reconciling.ask()),
      this.#filing.run(ended),
      watchFile(this.#parts.subnetFile.path, ended, () => this.#filing.ask()),
      this.#renew(ended),
    ];
    try {
      // None of them ends before `signal` aborts, but by a failure.
      await Promise.race([following, Promise.all(upkeep)]);
    } finally {
      end.abort();
      await Promise.allSettled([following, ...upkeep]);
    }
  }

  /** Ends quietly when `signal` aborts. */
  async #follow(signal: AbortSignal): Promise<void> {
    const onTrouble = (thrown: unknown): void => this.#storeTroubles.are([PluginError.from(thrown).message]);
    try {
      for await (const leases of this.#parts.store.watch(signal, onTrouble)) this.#accept(leases);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  #accept(leases: readonly Lease[]): void {
    this.#storeTroubles.are([]);
    const own = leases.find(({ subnets }) => sameSubnets(subnets, this.#lease.subnets));
    if (!own) throw leaseLost(this.#lease, 'it was taken away');
    if (!sameHost(this.#lease.attributes, own.attributes)) throw leaseTaken(this.#lease, own.attributes);
    this.#others = leases.filter((lease) => lease !== own);
    this.#parts.log.debug({ others: this.#others.map(({ subnets }) => describeSubnets(subnets)) }, 'leases of the other hosts');
    this.#reconciling.ask();
  }

  /** Before the leases are known nothing is removed for lack of one. */
  async #reconcile(): Promise<boolean> {
    if (!this.#others) return true;
    const others = this.#others;
    return succeeds(this.#kernelTroubles, async () => {
      const failures = await this.#parts.backend.reconcile(others);
      return failures.map(({ object, reason }) => `${object}: ${reason}`);
    });
  }

  async #ensureFirewall(): Promise<boolean> {
    return succeeds(this.#firewallTroubles, async () => {
      await this.#parts.firewall.ensure();
      return [];
    });
  }

  async #ensureSubnetFile(): Promise<boolean> {
    const { subnetFile, log } = this.#parts;
    return succeeds(this.#fileTroubles, async () => {
      if (await ensureSubnetFile(subnetFile))
        log.warn({ file: subnetFile.path }, 'subnet file was removed or changed, and is written again');
      return [];
    });
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { store, log } = this.#parts;
    let pauseMs = this.#untilRenewal();
    for (;;) {
      await wait(Math.min(pauseMs, longestWaitMs), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        this.#lease = await store.renew(this.#lease, signal);
        log.info({ until: this.#lease.expiresAt && new Date(this.#lease.expiresAt) }, 'lease renewed');
        pauseMs = this.#untilRenewal();
      } catch (thrown) {
        if (signal.aborted) return;
        const { code, message } = PluginError.from(thrown);
        if (code === 'ABORTED') throw thrown;
        log.error(`lease not renewed: ${message}; trying again in a minute`);
        pauseMs = renewRetryMs;
      }
    }
  }

  #untilRenewal(): number {
    const { expiresAt } = this.#lease;
    return expiresAt === undefined ? longestWaitMs : Math.max(shortestRenewalMs, expiresAt - this.#parts.renewMarginMs - Date.now());
  }
}

/** Makes an attempt, which gives or throws what went wrong, and says whether nothing did. */
async function succeeds(troubles: Troubles, attempt: () => Promise<string[]>): Promise<boolean> {
  const messages = await attempt().catch((thrown: unknown) => [PluginError.from(thrown).message]);
  troubles.are(messages);
  return messages.length === 0;
}
