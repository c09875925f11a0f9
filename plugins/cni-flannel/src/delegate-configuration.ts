import type { PluginConfig } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';
import type { SubnetEnv } from './subnet-env.ts';

const defaultIpam = 'host-local';

/** What the delegated plugin is called with, made of what flanneld says and the user wants, as the reference plugin makes it. */
export function delegateConfiguration(config: PluginConfig, configuration: Configuration, subnetEnv: SubnetEnv): PluginConfig {
  const { type, delegateKeys, ipam, routes, runtimeConfig } = configuration;
  const { networks, subnets, mtu, ipMasq } = subnetEnv;
  return {
    ipMasq: !ipMasq,
    mtu,
    ...(type === 'bridge' ? { isGateway: true } : {}),
    ...(config.dns === undefined ? {} : { dns: config.dns }),
    ...delegateKeys,
    ...(runtimeConfig ? { runtimeConfig } : {}),
    ...(config.name === undefined ? {} : { name: config.name }),
    type,
    ...(config.cniVersion === undefined ? {} : { cniVersion: config.cniVersion }),
    ipam: {
      type: defaultIpam,
      ...ipam,
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: [...routes, ...networks.map((dst) => ({ dst }))],
    },
  };
}
