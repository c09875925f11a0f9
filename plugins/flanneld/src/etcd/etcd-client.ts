import { type CallOptions, type Client, type ConnectOptions, connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import { AuthService, KVService, LeaseService, WatchService } from '@berth/sdk/etcd';
import type { Endpoint } from './endpoints.ts';

/** Who the client is to etcd, where etcd asks for it. */
export interface EtcdUser {
  name: string;
  password: string;
}

interface EtcdClientOptions {
  /** At least one. */
  endpoints: readonly Endpoint[];
  /** For those that speak TLS. */
  tls: NonNullable<ConnectOptions['tls']>;
  user?: EtcdUser | undefined;
}

/** One member of the cluster. */
interface Member {
  address: string;
  kv: Client<KVService>;
  lease: Client<LeaseService>;
  watch: Client<WatchService>;
  auth: Client<AuthService>;
}

/** What a call has in all, in milliseconds; etcd answers in some of them, and elects a leader in some seconds. */
export const callTimeMs = 5_000;
/** etcd refuses clients that ask for signs of life more often than each 5 s. */
const keepaliveMs = 10_000;

/** Calls the member of an etcd cluster that answered last; one that can't be reached is passed over for the next. */
export class EtcdClient {
  readonly #members: Member[];
  readonly #user: EtcdUser | undefined;
  #current = 0;
  /** Empty where etcd asks for none; undefined before it was asked. */
  #token: string | undefined;

  constructor({ endpoints, tls, user }: EtcdClientOptions) {
    this.#user = user;
    this.#members = endpoints.map(({ address, secure }) => {
      const options: ConnectOptions = { keepaliveMs, deadlineMs: callTimeMs, ...(secure && { tls }) };
      return {
        address,
        kv: connect(KVService, address, options),
        lease: connect(LeaseService, address, options),
        watch: connect(WatchService, address, options),
        auth: connect(AuthService, address, options),
      };
    });
  }

  /**
   * Makes a call that may be made twice: of each member in turn until one can be reached. Rejects with that one's failure; where none can be
   * reached, with UNAVAILABLE that says of each why.
   */
  async call<Result>(signal: AbortSignal, make: (member: Member, options: CallOptions) => Promise<Result>): Promise<Result> {
    const failures = new Map<Member, PluginError>();
    // Others' calls may pass over members meanwhile: this one asks each of them once all the same.
    for (const member of [...this.#members.slice(this.#current), ...this.#members.slice(0, this.#current)]) {
      try {
        return await this.#callMember(member, signal, make);
      } catch (thrown) {
        if (signal.aborted || !isOutOfReach(thrown)) throw thrown;
        failures.set(member, PluginError.from(thrown));
        this.#passOver(member);
      }
    }
    throw this.#outOfReach(failures);
  }

  /** Opens a stream to the current member, which ends with a failure when that one is lost: the next stream goes to another. */
  async *stream<Response>(
    signal: AbortSignal,
    open: (member: Member, options: CallOptions) => AsyncIterable<Response>,
  ): AsyncGenerator<Response, void> {
    const member = this.#member();
    try {
      yield* open(member, { signal, metadata: await this.#metadata(member, signal) });
    } catch (thrown) {
      if (isTokenRefused(thrown)) this.#token = undefined;
      else if (isOutOfReach(thrown) && !signal.aborted) {
        this.#passOver(member);
        throw this.#outOfReach(new Map([[member, PluginError.from(thrown)]]));
      }
      throw thrown;
    }
  }

  close(): void {
    for (const { kv, lease, watch, auth } of this.#members) for (const client of [kv, lease, watch, auth]) client.close();
  }

  async #callMember<Result>(
    member: Member,
    signal: AbortSignal,
    make: (member: Member, options: CallOptions) => Promise<Result>,
  ): Promise<Result> {
    const attempt = async (): Promise<Result> => make(member, { signal, metadata: await this.#metadata(member, signal) });
    try {
      return await attempt();
    } catch (thrown) {
      if (!this.#user || !isTokenRefused(thrown)) throw thrown;
      this.#token = undefined;
      return attempt();
    }
  }

  /** A member that has lost the others ends what it can't answer, instead of letting it wait. */
  async #metadata(member: Member, signal: AbortSignal): Promise<Record<string, string>> {
    if (this.#user) this.#token ??= await authenticate(member, this.#user, signal);
    return { hasleader: 'true', ...(this.#token ? { token: this.#token } : {}) };
  }

  #member(): Member {
    const member = this.#members[this.#current];
    if (!member) throw new PluginError('INVALID_ARGUMENT', 'there is no endpoint', { object: 'etcd' });
    return member;
  }

  /** Of the members in their order, wherever the search for one has begun: the same trouble has the same words. */
  #outOfReach(failures: ReadonlyMap<Member, PluginError>): PluginError {
    const reasons = this.#members.flatMap((member) => {
      const failure = failures.get(member);
      return failure ? [`${member.address} (${failure.what})`] : [];
    });
    const what = failures.size > 1 ? 'no member can be reached' : "can't be reached";
    return new PluginError('UNAVAILABLE', `${what}: ${reasons.join(', ')}`, {
      object: 'etcd',
      cause: [...failures.values()].at(-1),
      hint: 'check that it runs, and that -etcd-endpoints names it',
    });
  }

  #passOver(member: Member): void {
    if (this.#members[this.#current] === member) this.#current = (this.#current + 1) % this.#members.length;
  }
}

/** Could another member answer, or the same one later? */
function isOutOfReach(thrown: unknown): boolean {
  const { code } = PluginError.from(thrown);
  return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED';
}

/** A token; empty where etcd knows no users: they are of no use there, and do no harm. */
async function authenticate({ auth }: Member, user: EtcdUser, signal: AbortSignal): Promise<string> {
  try {
    return (await auth.authenticate({ ...user }, { signal })).token;
  } catch (thrown) {
    const { code, message } = PluginError.from(thrown);
    if (code === 'FAILED_PRECONDITION' && message.includes('authentication is not enabled')) return '';
    throw thrown;
  }
}

/**
 * Could a new token help? They end with the member that gave them, or when users change; and an etcd that asked for none may ask by now.
 * The words are those of etcd (api/v3rpc/rpctypes).
 */
function isTokenRefused(thrown: unknown): boolean {
  const { code, message } = PluginError.from(thrown);
  if (code === 'UNAUTHENTICATED') return true;
  return code === 'INVALID_ARGUMENT' && /revision of auth store is old|user name is empty/.test(message);
}
