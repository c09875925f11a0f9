import { setTimeout as sleep } from 'node:timers/promises';
import { neverAborted } from '../abort.ts';
import { type Client, type ConnectOptions, connect } from '../connect.ts';
import { PluginError } from '../errors.ts';
import {
  type ContainerAllocateResponse,
  type ContainerPreferredAllocationRequest,
  type Device,
  type DevicePluginOptions,
  DevicePluginService,
} from '../gen/device-plugin.ts';

/** kubelet's (kubernetes:pkg/kubelet/cm/devicemanager/plugin/v1beta1, and apis/deviceplugin/v1beta1/constants.go). */
const dialDeadlineMs = 10_000;
const dialAgainMs = 100;
const preStartDeadlineMs = 30_000;
/** kubelet waits for these without an end. */
const preferenceDeadlineMs = 30_000;
const allocateDeadlineMs = 2 * 60 * 1000;

interface DevicePluginClientOptions extends Pick<ConnectOptions, 'tap' | 'signal'> {
  resourceName: string;
  /** Path of the plugin's socket. */
  socket: string;
}

/** The node's side of one device plugin, from the moment that it is known until it goes. Errors of its calls name the call, the resource and the socket. */
export class DevicePluginClient {
  readonly resourceName: string;
  readonly socket: string;
  readonly options: DevicePluginOptions;
  readonly #plugin: Client<typeof DevicePluginService>;

  /** Asks the plugin for its options. UNAVAILABLE or DEADLINE_EXCEEDED where it doesn't serve within 10 s: it may register just before it does. */
  static async open({ resourceName, socket, tap, signal = neverAborted }: DevicePluginClientOptions): Promise<DevicePluginClient> {
    const plugin = connect(DevicePluginService, `unix://${socket}`, { tap, signal });
    try {
      return new DevicePluginClient(plugin, { resourceName, socket, options: await dialForOptions(plugin, signal) });
    } catch (thrown) {
      plugin.close();
      throw thrown;
    }
  }

  private constructor(
    plugin: Client<typeof DevicePluginService>,
    { resourceName, socket, options }: Pick<DevicePluginClient, 'resourceName' | 'socket' | 'options'>,
  ) {
    this.#plugin = plugin;
    this.resourceName = resourceName;
    this.socket = socket;
    this.options = options;
  }

  /** All devices, again at each change, until the plugin ends the stream or fails. A reader that takes its time holds the plugin back. */
  async *lists(signal?: AbortSignal): AsyncGenerator<Device[], void> {
    for await (const { devices } of this.#plugin.listAndWatch({}, { signal })) yield devices;
  }

  /** Which devices the plugin would take; empty where it has no preference. */
  async preferred(request: ContainerPreferredAllocationRequest, signal?: AbortSignal): Promise<string[]> {
    if (!this.options.getPreferredAllocationAvailable) return [];
    const options = { signal, deadlineMs: preferenceDeadlineMs };
    const { containerResponses } = await this.#named('GetPreferredAllocation', () =>
      this.#plugin.getPreferredAllocation({ containerRequests: [request] }, options),
    );
    return containerResponses[0]?.deviceIDs ?? [];
  }

  /** What a container with these devices is to get. INTERNAL for an answer that is not for one container. */
  async allocate(ids: readonly string[], signal?: AbortSignal): Promise<ContainerAllocateResponse> {
    const options = { signal, deadlineMs: allocateDeadlineMs };
    const { containerResponses } = await this.#named('Allocate', () =>
      this.#plugin.allocate({ containerRequests: [{ devicesIds: [...ids] }] }, options),
    );
    const [response] = containerResponses;
    if (response && containerResponses.length === 1) return response;
    throw new PluginError('INTERNAL', `it was asked for one container and answered for ${containerResponses.length}`, {
      object: this.#call('Allocate'),
      hint: 'answer with one ContainerAllocateResponse for each ContainerAllocateRequest',
    });
  }

  /** Where the plugin asks for it: the devices are readied for a container that is about to start. */
  async preStart(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    if (!this.options.preStartRequired) return;
    const options = { signal, deadlineMs: preStartDeadlineMs };
    await this.#named('PreStartContainer', () => this.#plugin.preStartContainer({ devicesIds: [...ids] }, options));
  }

  close(): void {
    this.#plugin.close();
  }

  /** A socket's name says nothing of the resource that it is for. */
  async #named<Answer>(name: string, call: () => Promise<Answer>): Promise<Answer> {
    try {
      return await call();
    } catch (thrown) {
      const { code, what, hint } = PluginError.from(thrown);
      throw new PluginError(code, what, { object: this.#call(name), ...(hint !== undefined && { hint }), cause: thrown });
    }
  }

  #call(name: string): string {
    return `${name} of the device plugin for ${this.resourceName} at ${this.socket}`;
  }
}

/** Until it answers, or the deadline has passed. */
async function dialForOptions(plugin: Client<typeof DevicePluginService>, signal: AbortSignal): Promise<DevicePluginOptions> {
  const givenUpAt = performance.now() + dialDeadlineMs;
  for (;;) {
    const left = givenUpAt - performance.now();
    try {
      return await plugin.getDevicePluginOptions({}, { deadlineMs: Math.max(1, left) });
    } catch (thrown) {
      const isThere = PluginError.from(thrown).code !== 'UNAVAILABLE';
      if (isThere || signal.aborted || left < dialAgainMs) throw thrown;
      await sleep(dialAgainMs, undefined, { signal });
    }
  }
}
