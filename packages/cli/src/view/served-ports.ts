import { isIPv6 } from 'node:net';
import type { KubeletConfiguration } from '@berth/kubelet/kubelet-configuration';

/** Where a node answers besides its socket, and whom: a line for each port. Without an API server nobody reviews tokens and rights. */
export function servedPorts(configuration: KubeletConfiguration): string[] {
  const { enableServer, address, port, readOnlyPort, healthzBindAddress, healthzPort } = configuration;
  return [
    ...(enableServer ? [`port https://${place(address, port)} is for ${clients(configuration)}`] : []),
    ...(readOnlyPort > 0 ? [`readOnlyPort http://${place(address, readOnlyPort)} is for anybody`] : []),
    ...(healthzPort > 0 ? [`healthzPort http://${place(healthzBindAddress, healthzPort)}/healthz is for anybody`] : []),
  ];
}

function clients({ authentication: { anonymous, x509 } }: KubeletConfiguration): string {
  if (anonymous.enabled) return 'anybody, who may do all: authentication.anonymous is enabled';
  if (x509.clientCAFile !== '')
    return `clients with a certificate of ${x509.clientCAFile}, who may do all: authorization.mode is AlwaysAllow`;
  return 'nobody: there is no API server to ask, and no authentication.x509.clientCAFile';
}

function place(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
