import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { connect } from '../connect.ts';
import { type DeviceDescription, type DevicePluginDefinition, devicePlugin } from '../device.ts';
import {
  type Device,
  DevicePluginService,
  RegistrationService as DeviceRegistrationService,
  type ListAndWatchResponse,
  RegisterRequest,
} from '../gen/device-plugin.ts';
import { PluginInfo, RegistrationService, type RegistrationStatus } from '../gen/plugin-registration.ts';
import { type CallContext, type Implementation, type ServedService, serve } from '../serve.ts';
import { MockKubelet, type MockKubeletEvent } from './mock-kubelet.ts';

export const resource = 'vendor.example/thing';
export const startOfTime = new Date('2026-01-02T03:04:05Z');

/** A mock kubelet in a directory of the test's own, and plugins for it: all of them end with the test. */
export class KubeletBench {
  directory = '';
  kubelet = new MockKubelet({ directory: '' });
  events: MockKubeletEvent[] = [];
  #atEnd: (() => unknown)[] = [];

  /** Call it in a `describe`, or at the top of a file. */
  static forEachTest(): KubeletBench {
    const bench = new KubeletBench();
    beforeEach(() => bench.#begin());
    afterEach(() => bench.#end());
    return bench;
  }

  get deviceDirectory(): string {
    return join(this.directory, 'device-plugins');
  }

  /** What events say to people. */
  get messages(): string[] {
    return this.events.flatMap((event) => ('message' in event ? [event.message] : []));
  }

  /** The names of events, in order. */
  get happened(): string[] {
    return this.events.map(({ event }) => event);
  }

  /** A plugin of the author's kit, with these devices and functions, until `stop`. */
  plugin(devices: readonly DeviceDescription[] = [{ id: 'a' }], more: Partial<DevicePluginDefinition> = {}): { stop(): Promise<void> } {
    const ended = new AbortController();
    const definition = { resourceName: resource, list: listOf(devices), allocate: () => ({}), ...more };
    const running = devicePlugin(definition).run({ directory: this.deviceDirectory, signal: ended.signal, log: () => undefined });
    const stop = async (): Promise<void> => {
      ended.abort();
      await running;
    };
    this.#atEnd.push(stop);
    return { stop };
  }

  /** A server at a path below the kubelet's directory. */
  async server(path: string, services: ServedService[]): Promise<() => Promise<void>> {
    const served = await serve(`unix://${join(this.directory, path)}`, services);
    const close = () => served.close(0);
    this.#atEnd.push(close);
    return close;
  }

  /** A device plugin made by hand; it has yet to register. */
  async rawPlugin(implementation: Implementation<typeof DevicePluginService>, name = 'raw.sock'): Promise<() => Promise<void>> {
    const getDevicePluginOptions = () => ({ preStartRequired: false, getPreferredAllocationAvailable: false });
    return this.server(`device-plugins/${name}`, [[DevicePluginService, { getDevicePluginOptions, ...implementation }]]);
  }

  /** Registers as a device plugin; throws what the kubelet answers. */
  async register(request: Partial<RegisterRequest> = {}): Promise<void> {
    const client = connect(DeviceRegistrationService, `unix://${join(this.deviceDirectory, 'kubelet.sock')}`);
    try {
      await client.register(RegisterRequest.create({ version: 'v1beta1', endpoint: 'raw.sock', resourceName: resource, ...request }));
    } finally {
      client.close();
    }
  }

  /** A socket in plugins_registry/, and what it is told of its registration. */
  async registrar(info: Partial<PluginInfo>, path = 'registrar.sock'): Promise<{ told: RegistrationStatus[]; close(): Promise<void> }> {
    const told: RegistrationStatus[] = [];
    const notifyRegistrationStatus = (status: RegistrationStatus) => {
      told.push(status);
      return {};
    };
    const close = await this.server(`plugins_registry/${path}`, [
      [RegistrationService, { getInfo: () => PluginInfo.create(info), notifyRegistrationStatus }],
    ]);
    return { told, close };
  }

  async #begin(): Promise<void> {
    this.directory = mkdtempSync(join(tmpdir(), 'berth-mock-kubelet-'));
    [this.events, this.#atEnd] = [[], []];
    this.kubelet = new MockKubelet({ directory: this.directory, onEvent: (event) => this.events.push(event), now: () => startOfTime });
    await this.kubelet.start();
  }

  async #end(): Promise<void> {
    for (const step of this.#atEnd.toReversed()) await step();
    await this.kubelet.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** What a plugin made by hand answers to ListAndWatch: these devices, in a stream that lasts. */
export function lasting(...devices: Device[]): NonNullable<Implementation<typeof DevicePluginService>['listAndWatch']> {
  return async function* (_request: unknown, { signal }: CallContext): AsyncGenerator<ListAndWatchResponse, void> {
    yield { devices };
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };
}

function listOf(devices: readonly DeviceDescription[]): DevicePluginDefinition['list'] {
  return async function* (signal) {
    yield devices;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };
}
