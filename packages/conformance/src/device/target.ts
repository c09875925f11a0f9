import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { deviceHealthy } from '@berth/sdk/device/constants';
import { PluginError } from '@berth/sdk/errors';
import { outsideScopes } from '../case-scope.ts';
import { CoverageRecord } from '../rpc-coverage.ts';
import { SkipCase } from '../suite.ts';
import { withCleanUp } from '../with-clean-up.ts';
import type { Device } from './messages.ts';
import { directoryVariable, type PluginCommandOptions } from './plugin-command.ts';
import { deviceProtocol } from './protocol.ts';
import { leavePlugin, reachServed, type ServedPlugin } from './served-plugin.ts';
import { TestNode } from './test-node.ts';

export interface DeviceTargetOptions extends Partial<PluginCommandOptions> {
  /** Path of the socket of a plugin that serves already; in place of a command. */
  socket?: string;
  /** The resource to be judged, where the command registers several. */
  resource?: string;
  /** Lines for the shell that make one of the devices unhealthy, and healthy again. */
  makeUnhealthy?: string;
  makeHealthy?: string;
  /** How long the plugin may take to register, to tell of a change, and to end. Default 40,000: some try again each half a minute. */
  patienceMs?: number;
}

interface OpenOptions extends DeviceTargetOptions {
  /** Multiplies the time limits, for a slow host. Default 1. */
  timeFactor?: number;
}

const defaultPatienceMs = 40_000;

/** A device plugin under test. */
export class DeviceTarget {
  readonly options: DeviceTargetOptions;
  readonly patienceMs: number;
  readonly coverage: CoverageRecord;
  readonly #node: TestNode | undefined;
  #served: ServedPlugin | undefined;
  #readying: Promise<ServedPlugin> | undefined;

  private constructor(options: DeviceTargetOptions, patienceMs: number) {
    this.options = options;
    this.patienceMs = patienceMs;
    this.coverage = new CoverageRecord(deviceProtocol());
    const { command, pluginDirectory } = options;
    if (command !== undefined) {
      this.#node = new TestNode({
        command,
        coverage: this.coverage,
        patienceMs,
        ...(pluginDirectory !== undefined && { pluginDirectory }),
      });
    }
  }

  /**
   * Starts the command, or connects to the socket. INVALID_ARGUMENT for options that contradict each other, and where nobody serves at the socket; FAILED_PRECONDITION where
   * the plugin registers nothing, or doesn't answer at its socket.
   */
  static async open({ timeFactor = 1, ...options }: OpenOptions): Promise<DeviceTarget> {
    checkOptions(options);
    const target = new DeviceTarget(options, (options.patienceMs ?? defaultPatienceMs) * timeFactor);
    try {
      if (target.#node) await chooseResource(target.#node, options);
      else target.#served = await reachServed(options.socket as string, target.coverage, target.patienceMs);
      return target;
    } catch (thrown) {
      await target.close();
      throw PluginError.from(thrown, 'FAILED_PRECONDITION', {
        object: `device plugin ${target.name}`,
        hint:
          options.command === undefined
            ? 'name the socket of a plugin that serves'
            : `the command has to register with the kubelet in $${directoryVariable}`,
      });
    }
  }

  /** How reports call it. */
  get name(): string {
    return this.options.command ?? this.options.socket ?? '';
  }

  /** The kubelet and the command, for cases that need a command. */
  get node(): TestNode {
    if (this.#node) return this.#node;
    throw new SkipCase('the plugin serves already');
  }

  /** The plugin as it serves now, put in order after cases that have restarted something. */
  async plugin(): Promise<ServedPlugin> {
    const node = this.#node;
    if (!node) return this.#served as ServedPlugin;
    this.#readying ??= outsideScopes(() => node.ready()).finally(() => {
      this.#readying = undefined;
    });
    return this.#readying;
  }

  /** The newest list that the plugin has told. */
  async devices(): Promise<Device[]> {
    const { watch } = await this.plugin();
    return watch.latest ?? watch.first(this.patienceMs);
  }

  /** Those that can be given to a container. */
  async healthyIds(): Promise<string[]> {
    return (await this.devices()).filter(({ health }) => health === deviceHealthy).map(({ ID }) => ID);
  }

  /** Throws unless it still answers. */
  async alive(): Promise<void> {
    await (await this.plugin()).client.GetDevicePluginOptions({}, { deadlineMs: this.patienceMs });
  }

  /** Runs `work` while a device is unhealthy, and makes it healthy again. `before`: the list as it was. */
  async withUnhealthy(work: (unhealthy: Device[], before: Device[]) => Promise<void>): Promise<void> {
    const before = await this.devices();
    const healthy = healthyCount(before);
    const { watch } = await this.plugin();
    await this.#hook('makeUnhealthy', before);
    await withCleanUp(
      async () => {
        const otherwise = 'ListAndWatch told of no device that is Unhealthy, though one was made so,';
        await work(await watch.list((devices) => healthyCount(devices) < healthy, this.patienceMs, otherwise), before);
      },
      async () => {
        await this.#hook('makeHealthy', before);
        const otherwise = 'ListAndWatch did not tell that the device is Healthy again';
        await watch.list((devices) => healthyCount(devices) >= healthy, this.patienceMs, otherwise);
      },
    );
  }

  /** Ends what the run has started. */
  async close(): Promise<void> {
    if (this.#served) await leavePlugin(this.#served);
    await this.#node?.end();
  }

  async #hook(name: 'makeUnhealthy' | 'makeHealthy', devices: Device[]): Promise<void> {
    const line = this.options[name] ?? '';
    const env = { ...process.env, ...(this.#node && { [directoryVariable]: this.#node.directory }), DEVICE_ID: devices[0]?.ID ?? '' };
    try {
      await promisify(execFile)('sh', ['-c', line], { env, timeout: this.patienceMs });
    } catch (error) {
      throw new Error(`"${line}" failed: ${(error as Error).message}`);
    }
  }
}

function healthyCount(devices: Device[]): number {
  return devices.filter(({ health }) => health === deviceHealthy).length;
}

function checkOptions({ command, socket, resource, pluginDirectory }: DeviceTargetOptions): void {
  const refuse = (cause: string, hint: string): PluginError =>
    new PluginError('INVALID_ARGUMENT', cause, { object: 'berth conform device', hint });
  if ((command === undefined) === (socket === undefined)) {
    throw refuse('either --command or --socket is needed, and not both', 'say how the plugin is started, or where it serves');
  }
  const needless = socket !== undefined && (resource !== undefined || pluginDirectory !== undefined);
  if (needless) throw refuse('--resource and --plugin-directory are for --command', 'leave them out: a socket serves one resource');
}

async function chooseResource(node: TestNode, { resource }: DeviceTargetOptions): Promise<void> {
  await node.begin();
  const { resources } = node;
  const chosen = resource ?? (resources.length === 1 ? resources[0] : undefined);
  if (chosen !== undefined && resources.includes(chosen)) {
    node.resource = chosen;
    return;
  }
  throw new PluginError('INVALID_ARGUMENT', resource === undefined ? 'it registers several resources' : `it doesn't register ${resource}`, {
    object: 'device plugin',
    hint: `say --resource with one of ${resources.join(', ')}`,
  });
}
