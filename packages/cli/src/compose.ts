import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { type DependencyContainer, type InjectionToken, instanceCachingFactory, container as rootContainer } from 'tsyringe';
import type { Directories } from './configuration/directories.ts';
import type { GlobalOptions } from './configuration/global-options.ts';
import { type NodeConfiguration, readNodeConfiguration } from './configuration/node-configuration.ts';
import { hostNodeName } from './configuration/node-name.ts';
import { Node } from './node/node.ts';
import type { CniDirectories } from './node/runtime-command.ts';

/** What the container makes; classes are plain and get these through their constructors. */
export const tokens = {
  directories: Symbol('Directories') as InjectionToken<Directories>,
  configuration: Symbol('NodeConfiguration') as InjectionToken<NodeConfiguration>,
  cni: Symbol('CniDirectories') as InjectionToken<CniDirectories>,
  log: Symbol('Logger') as InjectionToken<Logger>,
  nodeName: Symbol('nodeName') as InjectionToken<string>,
  node: Symbol('Node') as InjectionToken<Node>,
};

/** Read if it is there and no other is named. */
export const standardNodeConfig = '/etc/berth/berth.yaml';

/** Puts the parts of one command's run together. Each is made when it is first asked for. */
export function compose(options: GlobalOptions): DependencyContainer {
  const container = rootContainer.createChildContainer();
  container.register(tokens.directories, { useValue: { root: options.root, run: options.run } });
  container.register(tokens.configuration, {
    useFactory: instanceCachingFactory(() =>
      readNodeConfiguration(options.nodeConfig ?? (existsSync(standardNodeConfig) ? standardNodeConfig : undefined)),
    ),
  });
  container.register(tokens.log, {
    useFactory: instanceCachingFactory(() => pino({ level: options.logLevel }, pino.destination({ dest: 2, sync: true }))),
  });
  container.register(tokens.cni, {
    useFactory: instanceCachingFactory((c) => cniDirectories(c.resolve(tokens.configuration), c.resolve(tokens.directories))),
  });
  container.register(tokens.nodeName, {
    useFactory: instanceCachingFactory((c) => c.resolve(tokens.configuration).nodeName ?? hostNodeName()),
  });
  container.register(tokens.node, {
    useFactory: instanceCachingFactory(
      (c) =>
        new Node({
          nodeName: c.resolve(tokens.nodeName),
          directories: c.resolve(tokens.directories),
          configuration: c.resolve(tokens.configuration),
          cni: c.resolve(tokens.cni),
          log: c.resolve(tokens.log),
        }),
    ),
  });
  return container;
}

function cniDirectories({ cni }: NodeConfiguration, { root }: Directories): CniDirectories {
  const shipped = process.env.BERTH_CNI_BIN_DIR;
  return {
    confDir: cni.confDir ?? join(root, 'cni/net.d'),
    binDirs: cni.binDirs ?? [...(shipped ? [shipped] : []), '/opt/cni/bin', '/usr/lib/cni'],
    cacheDir: join(root, 'cni'),
  };
}
