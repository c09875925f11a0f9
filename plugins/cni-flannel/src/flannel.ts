import { withNetwork } from '@berth/sdk/cni/open-network';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import type { PluginConfig } from '@berth/sdk/cni/types';
import { CniError, errorCodes, errorObject, isObject } from '@berth/sdk/cni/types';
import { isNamespaceFile } from '@berth/sdk/namespace-file';
import { readConfiguration, readDataDir } from './configuration.ts';
import { delegateConfiguration } from './delegate-configuration.ts';
import { type Scratch, ScratchFiles } from './scratch-files.ts';
import { readSubnetEnv, statusCodes } from './subnet-env.ts';

/** Connects containers to a flannel network, by the plugin that it delegates to with what flanneld says of this host. */
export const plugin = cniPlugin({
  name: 'flannel',

  async add(request) {
    const { containerId } = request;
    const delegatedConfig = await configurationNow(request);
    await refuseSecond(request);
    const scratchFiles = scratchFilesOf(request);
    const earlier = await scratchFiles.read(containerId);
    await scratchFiles.write(containerId, delegatedConfig);
    const delegate = request.delegate(delegatedConfig.type, delegatedConfig);
    try {
      return await delegate.add();
    } catch (thrown) {
      // What is kept stays where another DEL with it may help. What another interface of the container was connected with stays anyway.
      if (delegate.undoFailure === undefined || isRefusal(delegate.undoFailure))
        await scratchFiles.restore(containerId, earlier).catch(() => undefined);
      throw thrown;
    }
  },

  async del(request) {
    const scratchFiles = scratchFilesOf(request);
    const scratch = await scratchFiles.read(request.containerId);
    if (isOfAnotherNetwork(scratch, request)) return;
    const delegatedConfig = await configurationAtAdd(request, scratch);
    if (delegatedConfig)
      await delegateDel(request, delegatedConfig, isObject(scratch) ? scratchFiles.file(request.containerId) : undefined);
    await scratchFiles.remove(request.containerId);
  },

  async check(request) {
    const scratchFiles = scratchFilesOf(request);
    const scratch = await scratchFiles.read(request.containerId);
    if (!isObject(scratch)) throw unusable(scratch, scratchFiles.file(request.containerId));
    await request.delegate(scratch.type, withResult(scratch, request)).check();
  },

  async gc(request) {
    const scratchFiles = scratchFilesOf(request);
    const kept = await scratchFiles.ofNetwork(request.config.name ?? '');
    const attachments = Object.fromEntries(Object.entries(request.config).filter(([key]) => key.startsWith('cni.dev/')));
    for (const config of await configurationsToCollect(request, [...kept.values()])) {
      await request.delegate(config.type, { ...config, ...attachments }).gc();
    }
    const valid = new Set(request.validAttachments.map(({ containerId }) => containerId));
    const stale = [...kept.keys()].filter((containerId) => !valid.has(containerId));
    await Promise.all(stale.map((containerId) => scratchFiles.remove(containerId)));
  },

  async status(request) {
    const delegatedConfig = await configurationNow(request, statusCodes);
    await request.delegate(delegatedConfig.type, delegatedConfig).status();
  },
});

/** The DEL after an ADD that fails would take down what the first has made. */
async function refuseSecond({ netns, ifName, served }: PluginRequest): Promise<void> {
  if (!isNamespaceFile(netns)) return;
  const link = await withNetwork({ netns, beside: served }, (network) => network.link(ifName));
  if (!link) return;
  throw new CniError(errorCodes.internal, 'exists already', { object: `interface ${ifName} in ${netns}`, hint: 'run DEL first' });
}

/** `file`: where the configuration is kept, if it is. */
async function delegateDel(request: PluginRequest, config: PluginConfig, file: string | undefined): Promise<void> {
  try {
    await request.delegate(config.type, withResult(config, request)).del();
  } catch (cause) {
    if (file === undefined || !isRefusal(cause)) throw cause;
    const { code, msg, details } = errorObject(cause, request.cniVersion);
    throw new CniError(code, `the delegated plugin refuses to undo what is kept there: ${msg}`, {
      object: file,
      hint: 'correct the file, or remove it once nothing of the container is left: DEL succeeds then',
      cause,
      ...(details === undefined ? {} : { details }),
    });
  }
}

/** Has the plugin refused its configuration, as it will each time, and done nothing? Any other failure may pass. */
function isRefusal(failure: unknown): boolean {
  return failure instanceof CniError && refusals.includes(failure.cniCode);
}

const refusals: number[] = [
  errorCodes.incompatibleVersion,
  errorCodes.unsupportedField,
  errorCodes.decodingFailure,
  errorCodes.invalidConfig,
];

function unusable(scratch: Exclude<Scratch, PluginConfig> | undefined, file: string): CniError {
  const what = scratch === undefined ? 'is missing' : "can't be read";
  return new CniError(errorCodes.internal, `${what}: it says what the container was connected with`, {
    object: file,
    hint: 'run DEL and ADD again',
  });
}

/** What the delegated plugin is to be called with, by what flanneld says at present. */
async function configurationNow({ config }: PluginRequest, codes?: typeof statusCodes): Promise<PluginConfig> {
  const configuration = readConfiguration(config);
  return delegateConfiguration(config, configuration, await readSubnetEnv(configuration.subnetFile, codes));
}

/**
 * What a container was delegated with; undefined where nothing was. A file that a crash of the host has left empty tells no more: what would be
 * done at present takes its place, if that is known.
 */
async function configurationAtAdd(request: PluginRequest, scratch: Scratch | undefined): Promise<PluginConfig | undefined> {
  return scratch === 'unreadable' ? configurationNow(request).catch(() => undefined) : scratch;
}

/** What the delegated plugin is to collect with: what it would be called with at present, or, where flanneld doesn't say, what it was called with. */
async function configurationsToCollect(request: PluginRequest, kept: PluginConfig[]): Promise<PluginConfig[]> {
  const { config } = request;
  const configuration = readConfiguration(config);
  const subnetEnv = await readSubnetEnv(configuration.subnetFile).catch(passOverUnready);
  if (subnetEnv) return [delegateConfiguration(config, configuration, subnetEnv)];
  // What the runtime had for each container would keep those apart that are the same.
  const ofNetwork = kept.map(({ runtimeConfig: _, ...each }) => withResult(each as PluginConfig, request));
  return [...new Map(ofNetwork.map((each) => [JSON.stringify(each), each])).values()];
}

/** Passes over a subnet file that is missing or broken. */
function passOverUnready(failure: unknown): undefined {
  const isUnready =
    failure instanceof CniError && [errorCodes.tryAgainLater, errorCodes.decodingFailure].some((code) => code === failure.cniCode);
  if (!isUnready) throw failure;
}

/** Was this container connected to another network since, or before, by an ADD that succeeded? This one left nothing then. */
function isOfAnotherNetwork(scratch: Scratch | undefined, { config: { name } }: PluginRequest): boolean {
  return isObject(scratch) && name !== undefined && scratch.name !== undefined && scratch.name !== name;
}

/** A configuration with the result of the ADD, and the version that it is written in. */
function withResult(delegatedConfig: PluginConfig, { config: { cniVersion, prevResult } }: PluginRequest): PluginConfig {
  return { ...delegatedConfig, ...(cniVersion === undefined ? {} : { cniVersion }), ...(prevResult === undefined ? {} : { prevResult }) };
}

function scratchFilesOf({ config }: PluginRequest): ScratchFiles {
  return new ScratchFiles(readDataDir(config));
}
