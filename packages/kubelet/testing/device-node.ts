import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, PodStatus } from '@berth/api/objects';
import type { ContainerConfig } from '@berth/sdk/cri';
import type { DevicePluginDefinition } from '@berth/sdk/device';
import { expect } from 'vitest';
import type { KubeletOptions } from '../src/kubelet.ts';
import { podYaml, TestNode } from './node.ts';
import { TestDevicePlugin } from './test-device-plugin.ts';

export const gpu = 'vendor.example/gpu';
export const nic = 'vendor.example/nic';

/** A kubelet with device plugins, and pods that ask for their devices. */
export class DeviceNode {
  readonly node: TestNode;
  readonly #plugins: TestDevicePlugin[] = [];

  static async create(): Promise<DeviceNode> {
    const node = await TestNode.create();
    await mkdir(join(node.root, 'manifests'));
    await node.kubelet.start();
    return new DeviceNode(node);
  }

  private constructor(node: TestNode) {
    this.node = node;
  }

  get checkpointPath(): string {
    return join(this.node.root, 'kubelet/device-plugins/kubelet_internal_checkpoint');
  }

  /** A plugin that is started, and may not be registered yet. */
  startPlugin(
    resource: string,
    devices: TestDevicePlugin['devices'],
    options: Partial<DevicePluginDefinition> & { socketName?: string } = {},
  ): TestDevicePlugin {
    const made = new TestDevicePlugin(join(this.node.root, 'kubelet/device-plugins'), resource, options);
    made.devices = devices;
    this.#plugins.push(made.start());
    return made;
  }

  /** A plugin that is registered, and whose devices the node has. */
  async plugin(...[resource, devices, options]: Parameters<DeviceNode['startPlugin']>): Promise<TestDevicePlugin> {
    const made = this.startPlugin(resource, devices, options);
    await expect.poll(() => this.capacity(resource)).toBe(`${devices.length}`);
    return made;
  }

  capacity(resource: string): string | number | undefined {
    return this.node.kubelet.self().status?.capacity?.[resource];
  }

  allocatable(resource: string): string | number | undefined {
    return this.node.kubelet.self().status?.allocatable?.[resource];
  }

  /** Writes the manifest of a pod. */
  async apply(name: string, spec: string): Promise<void> {
    await this.node.write(`manifests/${name}.yaml`, podYaml(name, spec));
  }

  remove(name: string): Promise<void> {
    return rm(join(this.node.root, `manifests/${name}.yaml`));
  }

  /** What the runtime was asked to make the newest container of the pod of. */
  configOf(pod: string, container = 'main'): ContainerConfig | undefined {
    const found = [...this.node.runtime.containers.values()].filter(
      ({ config: { labels } }) => labels['io.kubernetes.pod.name'] === pod && labels['io.kubernetes.container.name'] === container,
    );
    return found.at(-1)?.config;
  }

  variableOf(pod: string, name: string, container = 'main'): string | undefined {
    const found = this.configOf(pod, container)?.envs.find(({ key }) => key === name);
    return found && Buffer.from(found.value).toString();
  }

  /** The status of a pod, once it has failed. */
  async failed(name: string): Promise<PodStatus | undefined> {
    return (await this.node.until(name, ({ status }) => status?.phase === 'Failed')).status;
  }

  /** What the pod's container waits for, or the pod as a whole. */
  waitsFor(name: string): unknown {
    const { containerStatuses, message = '' } = this.node.pod(name)?.status ?? {};
    return containerStatuses?.[0]?.state?.waiting ?? message;
  }

  /** Of the node itself. */
  events(): Event[] {
    return this.node.kubelet.events().filter(({ involvedObject }) => involvedObject.kind === 'Node');
  }

  /** Ends the kubelet, does what is to be done meanwhile, and begins another one; pods go on. */
  async restartKubelet(meanwhile: () => Promise<void> | void = () => {}, options: Partial<KubeletOptions> = {}): Promise<void> {
    await this.node.kubelet.stop({ removePods: false });
    await meanwhile();
    this.node.replaceKubelet(options);
    await this.node.kubelet.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.#plugins.map((each) => each.stop()));
    await this.node.remove();
  }
}

/** The spec of a pod of one container that asks for these, with more of the spec. */
export function asking(limits: Record<string, number>, rest = ''): string {
  return `  terminationGracePeriodSeconds: 0\n  containers: [{name: main, image: a, resources: {limits: ${JSON.stringify(limits)}}}]\n${rest}`;
}
