// A device plugin in plain JavaScript that uses nothing of Berth: the suite has to do for anybody's.
// usage: node plain-plugin.mjs   (it looks for the kubelet in $DEVICE_PLUGIN_DIRECTORY, or where kubelets are)
// A device is unhealthy as long as there is a file ID.broken beside its socket.
import { existsSync, readdirSync, rmSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const api = grpc.loadPackageDefinition(loadSync(fileURLToPath(new URL('deviceplugin.proto', import.meta.url)), { keepCase: true })).v1beta1;

export class PlainPlugin {
  directory = process.env.DEVICE_PLUGIN_DIRECTORY ?? '/var/lib/kubelet/device-plugins';
  endpoint = 'plain.sock';
  resource = 'plain.example/null';
  version = 'v1beta1';
  options = { pre_start_required: true, get_preferred_allocation_available: true };
  watchers = new Set();
  told = '';

  devices() {
    const broken = new Set(readdirSync(this.directory).filter((name) => name.endsWith('.broken')));
    return [0, 1, 2, 3].map((number) => ({
      ID: `null-${number}`,
      health: broken.has(`null-${number}.broken`) ? 'Unhealthy' : 'Healthy',
      topology: { nodes: [{ ID: number >> 1 }] },
    }));
  }

  check(ids) {
    const healthy = new Set(this.devices().flatMap(({ ID, health }) => (health === 'Healthy' ? [ID] : [])));
    const wrong = ids.find((id) => !healthy.has(id));
    if (wrong !== undefined) throw { code: grpc.status.INVALID_ARGUMENT, details: `no healthy device ${wrong}` };
  }

  given(ids) {
    this.check(ids);
    return {
      envs: { PLAIN_DEVICES: ids.join(',') },
      mounts: [{ container_path: '/plain', host_path: this.directory, read_only: true }],
      devices: [...new Set(ids)].map((id) => ({ container_path: `/dev/${id}`, host_path: '/dev/null', permissions: 'rw' })),
      annotations: { 'plain.example/devices': ids.join(',') },
      cdi_devices: [...new Set(ids)].map((id) => ({ name: `plain.example/null=${id}` })),
    };
  }

  /** @param {{ container_requests?: { devices_ids?: string[] }[] }} request */
  allocate({ container_requests = [] }) {
    return { container_responses: container_requests.map(({ devices_ids = [] }) => this.given(devices_ids)) };
  }

  /** @param {{ available_deviceIDs?: string[], must_include_deviceIDs?: string[], allocation_size?: number }} request */
  choose({ available_deviceIDs: available = [], must_include_deviceIDs: must = [], allocation_size: size = 0 }) {
    if (size < must.length || size > available.length) throw { code: grpc.status.INVALID_ARGUMENT, details: `${size} can't be chosen` };
    const rest = available.filter((id) => !must.includes(id)).sort();
    return { deviceIDs: [...must, ...rest.slice(0, size - must.length)] };
  }

  prepare(ids) {
    this.check(ids);
  }

  answeredOptions() {
    return this.options;
  }

  watched(call) {
    this.watchers.add(call);
    call.on('cancelled', () => this.watchers.delete(call));
    call.write({ devices: this.devices() });
  }

  tell() {
    const devices = this.devices();
    if (JSON.stringify(devices) === this.told) return;
    this.told = JSON.stringify(devices);
    for (const call of this.watchers) call.write({ devices });
  }

  calls() {
    const answered = (work) => (call, done) => {
      try {
        done(null, work(call.request));
      } catch (error) {
        done(error);
      }
    };
    return {
      GetDevicePluginOptions: answered(() => this.answeredOptions()),
      ListAndWatch: (call) => this.watched(call),
      GetPreferredAllocation: answered(({ container_requests = [] }) => ({
        container_responses: container_requests.map((one) => this.choose(one)),
      })),
      Allocate: answered((request) => this.allocate(request)),
      PreStartContainer: answered(({ devices_ids = [] }) => this.prepare(devices_ids) ?? {}),
    };
  }

  async serve() {
    this.server?.forceShutdown();
    this.watchers.clear();
    this.removeSocket();
    this.server = new grpc.Server();
    this.server.addService(api.DevicePlugin.service, this.calls());
    await new Promise((resolve, reject) => {
      const bound = (error) => (error ? reject(error) : resolve());
      this.server.bindAsync(`unix:${this.socket}`, grpc.ServerCredentials.createInsecure(), bound);
    });
  }

  register() {
    const kubelet = new api.Registration(`unix:${this.kubelet}`, grpc.credentials.createInsecure());
    const { version, endpoint, resource: resource_name, options } = this;
    return new Promise((resolve, reject) => {
      const answered = (error) => (error ? reject(error) : resolve());
      kubelet.Register({ version, endpoint, resource_name, options }, { deadline: Date.now() + 15_000 }, answered);
    }).finally(() => kubelet.close());
  }

  get socket() {
    return join(this.directory, this.endpoint);
  }

  get kubelet() {
    return join(this.directory, 'kubelet.sock');
  }

  hasKubelet() {
    return existsSync(this.kubelet);
  }

  /** Serves and registers where the kubelet has begun anew: its socket is another one, or this plugin's is gone. */
  async look() {
    const kubelet = this.hasKubelet() ? String(statSync(this.kubelet, { bigint: true }).ctimeNs) : undefined;
    if (kubelet === undefined || (kubelet === this.known && existsSync(this.socket))) return;
    try {
      await this.serve();
      await this.register();
      this.known = kubelet;
    } catch (error) {
      this.known = undefined;
      console.error(`can't register: ${error.message}`);
    }
  }

  async run() {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => this.stop());
    watch(this.directory, () => this.tell());
    for (;;) {
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  removeSocket() {
    rmSync(this.socket, { force: true });
  }

  stop() {
    this.server?.forceShutdown();
    this.removeSocket();
    process.exit(0);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await new PlainPlugin().run();
