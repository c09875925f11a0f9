import { type ChannelCredentials, type ChannelOptions, Client, connectivityState, credentials } from '@grpc/grpc-js';
import { type Address, formatAddress } from './address.ts';

/** kubelet's own limit for CRI messages. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** What PEM files hold: the authorities that may have signed the other side's certificate, and a certificate of one's own with its key. */
export interface ClientTls {
  /** Default: those that Node trusts. */
  authorities?: Buffer;
  /** Both or neither. */
  certificate?: Buffer;
  key?: Buffer;
}

export interface ChannelSettings {
  /** TLS over TCP, with the host name of the address as the one that the certificate must have. Default: none. */
  tls?: ClientTls;
  /** How long a connection may be silent during a call before it is asked for a sign of life; it breaks if none comes as long again. Default: as long as TCP takes. */
  keepaliveMs?: number;
  /** What is sent as `:authority`. Default: `localhost` over unix sockets, else the address. */
  authority?: string;
}

/**
 * One connection to a plugin, made when the first call needs it. After a failed attempt grpc-js answers calls from
 * its back-off for up to two minutes, long after the plugin has come back; here the next call tries anew at once.
 */
export class ReconnectingChannel {
  readonly #address: Address;
  readonly #settings: ChannelSettings;
  #client: Client | undefined;

  constructor(address: Address, settings: ChannelSettings = {}) {
    this.#address = address;
    this.#settings = settings;
  }

  /** The client to make a call with, made anew if the last attempt to connect failed. */
  client(): Client {
    if (this.#client?.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE) this.close();
    this.#client ??= new Client(target(this.#address), credentialsOf(this.#settings), options(this.#address, this.#settings));
    return this.#client;
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}

function target(address: Address): string {
  return address.kind === 'unix' ? formatAddress(address) : `dns:${formatAddress(address)}`;
}

function credentialsOf({ tls }: ChannelSettings): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  return credentials.createSsl(tls.authorities ?? null, tls.key ?? null, tls.certificate ?? null);
}

function options(
  address: Address,
  { keepaliveMs, authority = address.kind === 'unix' ? 'localhost' : undefined }: ChannelSettings,
): ChannelOptions {
  return {
    ...(keepaliveMs === undefined ? {} : { 'grpc.keepalive_time_ms': keepaliveMs, 'grpc.keepalive_timeout_ms': keepaliveMs }),
    ...(authority === undefined ? {} : { 'grpc.default_authority': authority }),
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    // A call is made once: whether it may be made again is for its caller to know.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    // Channels share connections, and with them their back-off, through the global pool.
    'grpc.use_local_subchannel_pool': 1,
    // A plugin is on this machine or in the cluster: http_proxy isn't meant for it.
    'grpc.enable_http_proxy': 0,
  };
}
