import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { constants } from 'node:os';
import { kubeletOptions, staticPodOrigins } from '@berth/kubelet/configured-options';
import { readKubeletConfiguration } from '@berth/kubelet/read-configuration';
import { PluginError } from '@berth/sdk/errors';
import { Command, InvalidArgumentError } from 'commander';
import picocolors from 'picocolors';
import { compose, standardNodeConfig, tokens } from '../compose.ts';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { withConfiguredRuntime } from '../node/configured-runtime.ts';
import { checkHost, setOomScore, setOpenFileLimit } from '../node/host-limits.ts';
import { keepHeapSmall } from '../node/small-heap.ts';
import { servedPorts } from '../view/served-ports.ts';
import { SourceProblems } from '../view/source-problems.ts';
import { directory, labels, nodeName } from './arguments.ts';
import { Interruption } from './interruption.ts';

interface KubeletCommandOptions extends GlobalOptions {
  config?: string;
  configDir?: string;
  kubeconfig?: string;
  kubeletRoot?: string;
  hostnameOverride?: string;
  nodeIp?: string;
  nodeLabels?: Record<string, string>;
  objects: string[];
  image: string[];
}

/** The status that SIGTERM gives: that is how the host tells that it shuts down, while Ctrl-C ends this command alone. */
const terminated = 128 + constants.signals.SIGTERM;

/** `berth kubelet --config FILE`: a node agent as a daemon in the foreground, whose pods go on when it ends. */
export function kubeletCommand(): Command {
  return new Command('kubelet')
    .description('run a node agent by a KubeletConfiguration; its pods go on when it ends, and the next one takes them over')
    .option('--config <file>', 'KubeletConfiguration v1beta1, YAML or JSON')
    .option('--config-dir <directory>', 'drop-ins: its *.conf files are merged over the configuration in lexical order')
    .option('--kubeconfig <file>', 'how to reach the API server (refused: there is no client for it yet)')
    .option('--kubelet-root <directory>', 'where pods are kept (default: ROOT/kubelet)', directory)
    .option('--hostname-override <name>', "the node's name (default: nodeName in berth.yaml, or the host's)", nodeName)
    .option('--node-ip <address>', "the node's address (default: the host's first one)", ipAddress)
    .option('--node-labels <label=value,...>', 'labels of the node besides its own, for nodeSelector and node affinity of pods', labels)
    .option('--objects <path...>', 'files or directories of the config maps, secrets and service accounts that pods refer to', [])
    .option('--image <archive...>', 'load these image archives first', [])
    .action(async (_options: unknown, command: Command) => {
      process.exitCode = await kubelet(command.optsWithGlobals<KubeletCommandOptions>());
    });
}

function ipAddress(text: string): string {
  if (isIP(text)) return text;
  throw new InvalidArgumentError('It has to be an IPv4 or IPv6 address.');
}

async function kubelet(options: KubeletCommandOptions): Promise<number> {
  keepHeapSmall();
  refuseKubeconfig(options);
  const configuration = readKubeletConfiguration({ file: options.config, directory: options.configDir });
  checkHost(configuration);
  const configured = kubeletOptions(configuration);
  const parts = compose(options);
  const nodeConfiguration = parts.resolve(tokens.configuration);
  const name = options.hostnameOverride ?? parts.resolve(tokens.nodeName);
  const fromFile = options.nodeConfig !== undefined || existsSync(standardNodeConfig);
  parts.register(tokens.configuration, { useValue: withConfiguredRuntime(nodeConfiguration, configuration, fromFile) });
  parts.register(tokens.nodeName, { useValue: name });
  const log = parts.resolve(tokens.log);
  setOomScore(configuration, log);
  setOpenFileLimit(configuration, log);
  const node = parts.resolve(tokens.node);
  const interruption = new Interruption();
  const failures: string[] = [];
  let stopTelling = () => {};
  try {
    await node.start({
      origins: staticPodOrigins(configuration, name, options.objects),
      kubelet: {
        ...configured,
        nodeStatus: { ...configured.nodeStatus, ...(options.nodeLabels && { nodeLabels: options.nodeLabels }) },
        configuration: () => configuration,
        ...(options.kubeletRoot !== undefined && { kubeletRoot: options.kubeletRoot }),
        ...(options.nodeIp !== undefined && { nodeIP: options.nodeIp }),
        ...(configuration.podLogsDir !== '' && { podLogsDir: configuration.podLogsDir }),
        ...(configuration.cgroupRoot !== '' && { cgroupRoot: configuration.cgroupRoot }),
      },
      defaultHandler: undefined,
      images: options.image,
      ephemeral: false,
      signal: interruption.signal,
    });
    say(`node ${name} is up, root ${options.root}, run directory ${options.run}`);
    for (const line of servedPorts(configuration)) say(line);
    stopTelling = new SourceProblems(process.stderr).follow(node);
    await interruption.interrupted;
  } catch (error) {
    if (!interruption.caused(error)) throw error;
  } finally {
    stopTelling();
    const nodeShutsDown = interruption.exitStatus === terminated;
    failures.push(...(await node.stop({ removePods: false, nodeShutsDown, hurry: interruption.ending() })));
    interruption.release();
  }
  say(`node ${name} has ended`);
  for (const failure of failures) process.stderr.write(`${picocolors.red('failed')} ${failure}\n`);
  return failures.length > 0 ? 1 : 0;
}

function refuseKubeconfig({ kubeconfig }: KubeletCommandOptions): void {
  if (kubeconfig === undefined) return;
  throw new PluginError('UNIMPLEMENTED', 'this kubelet has no client of the API server yet', {
    object: `--kubeconfig ${kubeconfig}`,
    hint: 'leave it out: without an API server the node runs its static pods',
  });
}

function say(text: string): void {
  process.stdout.write(`${picocolors.bold('berth')} ${text}\n`);
}
