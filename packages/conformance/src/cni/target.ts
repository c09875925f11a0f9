import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UndoStack } from '@berth/sdk/cni/undo-stack';
import { PluginError } from '@berth/sdk/errors';
import { SkipCase } from '../suite.ts';
import { withCleanUp } from '../with-clean-up.ts';
import { Attachment, type AttachmentParts } from './attachment.ts';
import type { GivenConfiguration } from './configuration-file.ts';
import { VerbCoverage } from './coverage.ts';
import { Executor } from './executor.ts';
import { layGroundwork } from './groundwork.ts';
import { TestHost } from './host.ts';
import { IpamStub, installStub, stubName } from './ipam-stub.ts';
import { type JudgedPlugin, type JudgedPluginOptions, judgedPlugin } from './judged-plugin.ts';
import type { PluginKind } from './kind.ts';
import { type NetworkParts, PluginCaller, succeeded } from './plugin-caller.ts';
import { asVersion, type CniResult, isAtLeast, parseObject, specVersions } from './results.ts';

interface OpenOptions extends JudgedPluginOptions {
  /** Multiplies the time limits, for a slow host. Default 1. */
  timeFactor?: number;
}

/** What a run makes first, and removes last. */
interface Workplace {
  executor: Executor;
  /** The host of the cases that look at nothing but what the plugin answers. */
  shared: TestHost;
  directory: string;
  /** The executable of all IPAM stubs. */
  stub: string;
}

/** A CNI plugin under test. */
export class CniTarget {
  readonly plugin: string;
  readonly kind: PluginKind;
  readonly given: GivenConfiguration;
  readonly path: string[];
  /** Versions of the specification that it says it supports, oldest first. */
  readonly versions: string[];
  readonly coverage = new VerbCoverage();
  readonly #workplace: Workplace;
  readonly #left: string[] = [];

  private constructor({ plugin, kind, given, path }: JudgedPlugin, versions: string[], workplace: Workplace) {
    this.plugin = plugin;
    this.kind = kind;
    this.given = given;
    this.path = path;
    this.versions = versions;
    this.#workplace = workplace;
  }

  /** Checks what the caller gave, and asks the plugin for its versions. Throws INVALID_ARGUMENT or FAILED_PRECONDITION. */
  static async open({ timeFactor, ...options }: OpenOptions): Promise<CniTarget> {
    const judged = judgedPlugin(options);
    const undo = new UndoStack();
    try {
      const executor = new Executor(timeFactor);
      undo.push(() => executor.close());
      const directory = mkdtempSync(join(tmpdir(), 'berth-conform-cni-'));
      undo.push(() => rmSync(directory, { recursive: true }));
      const stub = installStub(directory);
      const shared = await TestHost.begin(executor);
      undo.push(() => shared.end().then(() => undefined));
      return new CniTarget(judged, await versionsOf(judged.plugin, shared), { executor, shared, directory, stub });
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  /** Its type: what configurations call it. */
  get name(): string {
    return basename(this.plugin);
  }

  /** The newest version that the plugin and the suite have. */
  get newest(): string {
    return this.versions.at(-1) ?? '';
  }

  /** Those of its versions that have what came with the wanted one. */
  versionsSince(wanted: string): string[] {
    return this.versions.filter((version) => isAtLeast(version, wanted));
  }

  /** The name of the interface that its attachments get: loopback has but one. */
  get ifName(): string {
    return this.name === 'loopback' ? 'lo' : 'eth0';
  }

  /** The type of the plugin that it takes addresses from, if it is one that does. */
  get ipamType(): string | undefined {
    const type = (this.given.config.ipam as { type?: unknown } | undefined)?.type;
    return this.kind === 'main' && typeof type === 'string' && type !== '' ? type : undefined;
  }

  /** Has it addresses to give, itself or by another? */
  get givesAddresses(): boolean {
    return this.kind === 'ipam' || this.ipamType !== undefined;
  }

  /** Does its configuration say which address is given, to whomever? */
  get givesFixedAddresses(): boolean {
    return (this.given.config.ipam as { addresses?: unknown } | undefined)?.addresses !== undefined;
  }

  /** Runs `work` with a host of its own, which ends with it. */
  async withHost(work: (host: TestHost) => Promise<void>): Promise<void> {
    const host = await TestHost.begin(this.#workplace.executor);
    await withCleanUp(
      () => work(host),
      async () => void this.#left.push(...(await host.end())),
    );
  }

  /** Runs `work` with a container that is to be attached, on a host of its own. */
  async withAttachment(work: (attachment: Attachment) => Promise<void>, change: Partial<AttachmentParts> = {}): Promise<void> {
    await this.withHost(async (host) => work(await this.attach(host, change)));
  }

  /** Runs `work` with two such containers, on one host. */
  async withTwoAttachments(
    work: (first: Attachment, second: Attachment) => Promise<void>,
    change: Partial<AttachmentParts> = {},
  ): Promise<void> {
    await this.withHost(async (host) => work(await this.attach(host, change), await this.attach(host, change)));
  }

  /** Runs `work` with a container on the host that many cases share: for those that look at nothing but what the plugin answers. */
  async withSharedHost(work: (attachment: Attachment) => Promise<void>, change: Partial<AttachmentParts> = {}): Promise<void> {
    await work(await this.attach(this.#workplace.shared, change));
  }

  /** Runs `work` with what calls the plugin for verbs that are about no container. */
  async withPlugin(work: (plugin: PluginCaller) => Promise<void>, change: Partial<NetworkParts> = {}): Promise<void> {
    await work(new PluginCaller(this, this.#workplace.shared, { ...this.#networkParts, ...change }));
  }

  /** A container on that host, in a network namespace of its own unless `netns` is given. Nothing has been added yet. */
  async attach(host: TestHost, change: Partial<AttachmentParts> = {}): Promise<Attachment> {
    const parts = {
      ...this.#networkParts,
      containerId: randomBytes(32).toString('hex'),
      ifName: this.ifName,
      prevResult: undefined,
      ...change,
      netns: change.netns ?? (await host.addNamespace()),
    };
    const prevResult = this.kind === 'meta' ? await this.#prevResult(host, parts) : undefined;
    return new Attachment(this, host, { ...parts, prevResult });
  }

  /** An IPAM plugin of the suite's own, and the change of an attachment that makes the plugin delegate to it. */
  stub(): { stub: IpamStub; change: Pick<AttachmentParts, 'config' | 'path'> } {
    const stub = new IpamStub(this.#workplace.stub, this.#workplace.directory);
    const config = { ...this.given.config, ipam: { ...(this.given.config.ipam as object), type: stubName } };
    return { stub, change: { config, path: [stub.directory, ...this.path] } };
  }

  /** The configuration with only so many addresses to give. Ends the case as skipped where the suite can't tell how that is written. */
  narrowed(addresses: number): Pick<AttachmentParts, 'config'> {
    const { ipam } = this.given.config as { ipam?: Record<string, unknown> };
    if (ipam?.type !== 'host-local')
      throw new SkipCase('only the ranges of host-local are known to the suite, which it has to make narrow');
    const { subnet: _, rangeStart: __, rangeEnd: ___, gateway: ____, ...rest } = ipam;
    const range = { subnet: '10.89.7.0/24', rangeStart: '10.89.7.10', rangeEnd: `10.89.7.${9 + addresses}` };
    return { config: { ...this.given.config, ipam: { ...rest, ranges: [[range]] } } };
  }

  /** A new directory of this run's. */
  directory(): string {
    return mkdtempSync(join(this.#workplace.directory, 'case-'));
  }

  /** The path of an empty file, which is no network namespace. */
  plainFile(): string {
    const file = join(this.directory(), 'netns');
    writeFileSync(file, '');
    return file;
  }

  /** Removes what the run has made. Gives what plugins have left behind. */
  async close(): Promise<string | undefined> {
    const { executor, shared, directory } = this.#workplace;
    this.#left.push(...(await shared.end()));
    executor.close();
    rmSync(directory, { recursive: true, force: true });
    return this.#left.length > 0 ? `${this.#left.join(', ')} in the namespaces of a host that had ended` : undefined;
  }

  get #networkParts(): NetworkParts {
    return { network: 'conformance', cniVersion: this.newest, config: this.given.config, path: this.path };
  }

  /** What a meta plugin works on: what the plugins before it have made, or the suite itself. */
  async #prevResult(host: TestHost, parts: AttachmentParts): Promise<CniResult | undefined> {
    const { netns, ifName, cniVersion } = parts;
    if (this.given.before.length === 0) return asVersion(await layGroundwork(host, netns, ifName), cniVersion);
    let prevResult: CniResult | undefined;
    for (const config of this.given.before) {
      const name = String(config.type);
      const earlier = new Attachment({ plugin: this.#find(name), name }, host, { ...parts, config, prevResult });
      prevResult = await earlier.add().catch((error: Error) => {
        throw new Error(`plugin ${name}, which comes before: ${error.message}`);
      });
    }
    return prevResult;
  }

  #find(type: string): string {
    const found = this.path.map((directory) => join(directory, type)).find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
    if (found) return found;
    throw new Error(`plugin ${type}, which comes before, is in none of ${this.path.join(', ')}`);
  }
}

/** The versions that the plugin tells, as far as the suite knows them. Throws FAILED_PRECONDITION where it tells none. */
async function versionsOf(plugin: string, host: TestHost): Promise<string[]> {
  try {
    const env = { PATH: process.env.PATH ?? '', CNI_COMMAND: 'VERSION' };
    const { stdout } = succeeded('VERSION', await host.execute(plugin, [], { env, stdin: '{"cniVersion":"1.0.0"}' }));
    const { supportedVersions } = parseObject(stdout, 'answer to VERSION');
    const versions = specVersions.filter((version) => Array.isArray(supportedVersions) && supportedVersions.includes(version));
    if (versions.length === 0) throw new Error(`its supportedVersions are ${JSON.stringify(supportedVersions)}`);
    return versions;
  } catch (error) {
    throw PluginError.from(error, 'FAILED_PRECONDITION', {
      object: `CNI plugin ${plugin}`,
      hint: 'it has to answer VERSION with the versions of the specification that it supports',
    });
  }
}
