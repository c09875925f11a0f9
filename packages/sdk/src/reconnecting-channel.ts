import { type ChannelOptions, Client, connectivityState, credentials } from '@grpc/grpc-js';
import { type Address, formatAddress } from './address.ts';

/** kubelet's own limit for CRI messages. */
export const maxMessageBytes = 16 * 1024 * 1024;

/**
 * One connection to a plugin, made when the first call needs it. After a failed attempt grpc-js answers calls from
 * its back-off for up to two minutes, long after the plugin has come back; here the next call tries anew at once.
 */
export class ReconnectingChannel {
  readonly #address: Address;
  #client: Client | undefined;

  constructor(address: Address) {
    this.#address = address;
  }

  /** The client to make a call with, made anew if the last attempt to connect failed. */
  client(): Client {
    if (this.#client?.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE) this.close();
    this.#client ??= new Client(target(this.#address), credentials.createInsecure(), options(this.#address));
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

function options(address: Address): ChannelOptions {
  return {
    ...(address.kind === 'unix' ? { 'grpc.default_authority': 'localhost' } : {}),
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
