import { closeSync, openSync } from 'node:fs';
import { enterNamespace } from '../enter-namespace.ts';
import type { Network, NetworkAddress, NetworkLink, NetworkOperation, NetworkRoute, OperationFailure, SetSysctl } from '../network.ts';
import { trySysctl } from '../sysctl.ts';
import { CniError, errorCodes } from '../types.ts';
import { addressFamily, bridgeVlan, linkAttribute, messageFlag, messageType } from './constants.ts';
import { decodeAddress, decodeLink, decodePortVlans, decodeRoute } from './decode.ts';
import { encodeOperation, interfaceBody } from './encode-operation.ts';
import type { Errno } from './errno.ts';
import { errnoOf } from './errno.ts';
import type { Message, ReceivedMessage } from './message.ts';
import { bytesOf32, text, u32 } from './message.ts';
import type { Reply } from './route-socket.ts';
import { RouteSocket } from './route-socket.ts';

/** The network of a namespace by rtnetlink(7), without another program. */
export class NetlinkNetwork implements Network {
  readonly #socket: RouteSocket;
  readonly #netns: string | undefined;
  readonly #indexes = new Map<string, number>();

  private constructor(socket: RouteSocket, netns: string | undefined) {
    this.#socket = socket;
    this.#netns = netns;
  }

  /** `netns`: a path, this program's own namespace without one. Undefined where this program can't do system calls, or isn't let in. */
  static open(netns?: string): NetlinkNetwork | undefined {
    const socket = netns === undefined ? RouteSocket.open() : enterNamespace(netns, () => RouteSocket.open());
    return socket && new NetlinkNetwork(socket, netns);
  }

  async apply(operations: NetworkOperation[]): Promise<OperationFailure | undefined> {
    const parameters: SetSysctl[] = [];
    for (const operation of operations) {
      if (operation.do === 'set sysctl') {
        parameters.push(operation);
        continue;
      }
      this.#set(parameters.splice(0));
      const errno = this.#apply(operation);
      if (errno) return { operation, ...errno };
    }
    this.#set(parameters);
    return undefined;
  }

  async link(name: string): Promise<NetworkLink | undefined> {
    return this.#link(name);
  }

  async linkAt(index: number): Promise<NetworkLink | undefined> {
    return this.#linkOf(`interface ${index}`, interfaceBody({ index }));
  }

  async addresses(device: string): Promise<NetworkAddress[]> {
    const index = this.#knownIndex(device);
    if (index === undefined) return [];
    const body = Uint8Array.of(addressFamily.AF_UNSPEC, 0, 0, 0, ...bytesOf32(index));
    const addresses: NetworkAddress[] = [];
    for (const { payload } of this.#dumped(messageType.RTM_GETADDR, body)) {
      const address = decodeAddress(payload, index);
      if (address) addresses.push(address);
    }
    return addresses;
  }

  async routes(device: string): Promise<NetworkRoute[]> {
    const index = this.#knownIndex(device);
    if (index === undefined) return [];
    const routes = [addressFamily.AF_INET, addressFamily.AF_INET6].flatMap((family) =>
      this.#dumped(messageType.RTM_GETROUTE, Uint8Array.of(family, ...new Uint8Array(11))),
    );
    return routes.flatMap(({ payload }) => decodeRoute(payload, index) ?? []);
  }

  async portVlans(port: string): Promise<number[]> {
    const index = this.#knownIndex(port);
    if (index === undefined) return [];
    const filter = [u32(linkAttribute.IFLA_EXT_MASK, bridgeVlan.RTEXT_FILTER_BRVLAN)];
    const dumped = this.#dumped(messageType.RTM_GETLINK, interfaceBody({ family: addressFamily.AF_BRIDGE }), filter);
    return dumped.flatMap(({ payload }) => decodePortVlans(payload, index));
  }

  close(): void {
    this.#socket.close();
  }

  /** Sets neighbours at once: the namespace is entered once for them. */
  #set(parameters: SetSysctl[]): void {
    if (parameters.length === 0) return;
    this.#within(() => {
      for (const { key, value } of parameters) trySysctl(key, value);
    });
  }

  #apply(operation: Exclude<NetworkOperation, SetSysctl>): Errno | undefined {
    const namespaces: number[] = [];
    try {
      const numbers = {
        indexOf: (name: string) => this.#indexOf(name),
        namespaceDescriptor: (path: string) => {
          const descriptor = openNamespace(path);
          namespaces.push(descriptor);
          return descriptor;
        },
      };
      return failureOf(this.#socket.request(encodeOperation(operation, numbers)));
    } catch (thrown) {
      if (thrown instanceof Refused) return thrown.errno;
      throw thrown;
    } finally {
      for (const descriptor of namespaces) closeSync(descriptor);
      if (operation.do === 'delete link') this.#indexes.delete(operation.name);
    }
  }

  #within(work: () => void): void {
    if (this.#netns === undefined) work();
    else enterNamespace(this.#netns, () => void work());
  }

  #indexOf(name: string): number {
    const index = this.#knownIndex(name);
    if (index === undefined) throw new Refused({ code: 'ENODEV', reason: `there is no interface ${name}` });
    return index;
  }

  #knownIndex(name: string): number | undefined {
    return this.#indexes.get(name) ?? this.#link(name)?.index;
  }

  #link(name: string): NetworkLink | undefined {
    const link = this.#linkOf(`interface ${name}`, interfaceBody({}), [text(linkAttribute.IFLA_IFNAME, name)]);
    if (link) this.#indexes.set(name, link.index);
    else this.#indexes.delete(name);
    return link;
  }

  #linkOf(object: string, body: Uint8Array, attributes: Message['attributes'] = []): NetworkLink | undefined {
    const flags = messageFlag.NLM_F_REQUEST;
    const [message] = answered(this.#socket.request({ type: messageType.RTM_GETLINK, flags, body, attributes }), object);
    return message && decodeLink(message.payload);
  }

  #dumped(type: number, body: Uint8Array, attributes: Parameters<RouteSocket['dump']>[2] = []): ReceivedMessage[] {
    return answered(this.#socket.dump(type, body, attributes), 'rtnetlink dump');
  }
}

/** An operation that comes to nothing before the kernel is asked. */
class Refused extends Error {
  readonly errno: Errno;

  constructor(errno: Errno) {
    super(errno.reason);
    this.errno = errno;
  }
}

function openNamespace(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException;
    throw new Refused({ code, reason: message });
  }
}

/** The messages of an answer; none where the kernel says that what was asked for isn't there. */
function answered(reply: Reply, object: string): ReceivedMessage[] {
  const failure = failureOf(reply);
  if (!failure) return reply.messages;
  if (failure.code === 'ENODEV' || failure.code === 'ENOENT') return [];
  throw new CniError(errorCodes.ioFailure, failure.reason, { object });
}

function failureOf({ errno, reason }: Reply): Errno | undefined {
  return errno === 0 ? undefined : errnoOf(errno, reason);
}
