import { PluginError } from '@berth/sdk/errors';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { pino } from 'pino';
import { defaultRegistryConfigPath } from './image/registry/registry-host.ts';
import type { PluginContext, RuntimePlugin } from './runtime-plugin.ts';
import type { ShimOptions } from './shim-options.ts';
import { startShim } from './start-shim.ts';

export type { PluginContext, RuntimePlugin } from './runtime-plugin.ts';
export type { ShimOptions } from './shim-options.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * A runtime plugin's whole program: reads the common flags (`--listen --root --run --handler --cni-conf-dir
 * --cni-bin-dir --registry-config-path --streaming-address --streaming-tls-cert-file --streaming-tls-private-key-file --log-level`) and the plugin's own, starts the CRI server, logs on standard error (pino, JSON), closes
 * on SIGINT and SIGTERM, or, if BERTH_SUPERVISED is set to the pid of its parent, at the end of standard input instead, without touching containers. Exit
 * status 1 and one line on standard error if it can't start.
 */
export async function runtimeMain(plugin: RuntimePlugin, argv: string[] = process.argv): Promise<void> {
  const command = commandOf(plugin);
  const supervised = Boolean(process.env.BERTH_SUPERVISED);
  if (supervised) leaveSignalsToNode();
  try {
    command.parse(argv);
    const { options, flags, logLevel } = read(command);
    const log = pino({ name: options.handler, level: logLevel }, pino.destination({ dest: 2, sync: true }));
    const shim = await startShim(plugin, { options, flags, log, ...(supervised && { supervisor: Number(process.env.BERTH_SUPERVISED) }) });
    const told = toldToEnd(supervised);
    // Who reads this may end it at once.
    log.info({ endpoint: shim.address, version: shim.version }, 'serving');
    await told;
    await shim.close();
    // A runtime may hold connections to what outlives this process, such as the monitor of a machine.
    process.exit();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    process.stderr.write(`${command.name()}: ${PluginError.from(error).message}\n`);
    process.exitCode = 1;
  }
}

function commandOf(plugin: RuntimePlugin): Command {
  const command = new Command(`berth-runtime-${plugin.handler}`)
    .exitOverride()
    .description(`CRI server of the runtime ${plugin.handler}`)
    .requiredOption('--listen <endpoint>', 'unix:///PATH or HOST:PORT')
    .option('--root <directory>', 'where images and objects are', '/var/lib/berth')
    .option('--run <directory>', 'where namespaces and call records are', '/run/berth')
    .option('--handler <name>', 'handler that it serves', handlerName, plugin.handler)
    .option('--cni-conf-dir <directory>', 'CNI configuration', '/etc/cni/net.d')
    .option(
      '--cni-bin-dir <directory>',
      'CNI plugins; may be repeated',
      (value: string, earlier: string[]) => [...earlier, value],
      [] as string[],
    )
    .option('--registry-config-path <path>', 'directories of HOST/hosts.toml, ":" between them', defaultRegistryConfigPath)
    .option(
      '--streaming-address <address>',
      'HOST:PORT where exec, attach and port-forward are served; off loopback with TLS only',
      '127.0.0.1:0',
    )
    .option('--streaming-tls-cert-file <file>', 'PEM certificate by which they are served over HTTPS')
    .option('--streaming-tls-private-key-file <file>', 'PEM private key of that certificate')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent', logLevel, 'info');
  for (const [flag, description] of Object.entries(plugin.flags ?? {})) command.option(flag, description);
  return command;
}

function read(command: Command): { options: ShimOptions; flags: PluginContext['flags']; logLevel: string } {
  const {
    listen,
    root,
    run,
    handler,
    cniConfDir,
    cniBinDir,
    registryConfigPath,
    streamingAddress,
    streamingTlsCertFile,
    streamingTlsPrivateKeyFile,
    logLevel,
    ...flags
  } = command.opts();
  const cniBinDirs = cniBinDir.length > 0 ? cniBinDir : ['/opt/cni/bin'];
  const streamingTls = certificateFiles(streamingTlsCertFile, streamingTlsPrivateKeyFile);
  const options = {
    listen,
    root,
    run,
    handler,
    cniConfDir,
    cniBinDirs,
    registryConfigPath,
    streamingAddress,
    ...(streamingTls && { streamingTls }),
  };
  return { options, flags, logLevel };
}

function certificateFiles(certFile?: string, keyFile?: string): ShimOptions['streamingTls'] {
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === undefined && keyFile === undefined) return undefined;
  throw new PluginError('INVALID_ARGUMENT', 'one is given without the other', {
    object: '--streaming-tls-cert-file and --streaming-tls-private-key-file',
    hint: 'give both, or neither',
  });
}

/** A handler is a DNS label (RuntimeClass, handler), and a directory below ROOT. */
function handlerName(name: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) throw new InvalidArgumentError('It must be a DNS label, such as runc.');
  return name;
}

function logLevel(level: string): string {
  if (!['trace', 'debug', 'info', 'warn', 'error', 'silent'].includes(level)) throw new InvalidArgumentError('There is no such level.');
  return level;
}

/** A signal to the whole process group is the node's to answer: it needs its runtimes to stop the pods. */
function leaveSignalsToNode(): void {
  for (const signal of signals) process.on(signal, () => undefined);
}

/** Resolves at SIGINT and SIGTERM, which may come twice: to the whole group, and by "berth runtime"; where a node supervises this process, only when that closes standard input, or is gone. */
async function toldToEnd(supervised: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (supervised) process.stdin.once('end', () => resolve()).resume();
  else for (const signal of signals) process.on(signal, () => resolve());
  await promise;
  process.stdin.destroy();
}
