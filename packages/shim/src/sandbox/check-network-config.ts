import { isIP } from 'node:net';
import { type DNSConfig, type PodSandboxConfig, type PortMapping, Protocol } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

const largestPort = 65_535;

/** Throws INVALID_ARGUMENT, by the field, for ports that no network could map and for what no resolv.conf could hold. */
export function checkNetworkConfig({ portMappings, dnsConfig }: PodSandboxConfig, object: string): void {
  for (const [index, mapping] of portMappings.entries()) {
    const wrong = wrongPart(mapping);
    if (wrong !== undefined) throw new PluginError('INVALID_ARGUMENT', `port_mappings[${index}].${wrong}`, { object });
  }
  const text = dnsConfig && wrongText(dnsConfig);
  if (text === undefined) return;
  throw new PluginError('INVALID_ARGUMENT', `dns_config: ${JSON.stringify(text.slice(0, 100))} is no one word of resolv.conf`, { object });
}

/** A port that isn't mapped (host_port 0) is for information, and may be left out. */
function wrongPart({ protocol, containerPort, hostPort, hostIp }: PortMapping): string | undefined {
  if (!Object.values<number>(Protocol).includes(protocol) || protocol < 0) return `protocol: ${protocol} is not known`;
  if (hostPort < 0 || hostPort > largestPort) return `host_port: ${hostPort} is no port`;
  if (containerPort < (hostPort > 0 ? 1 : 0) || containerPort > largestPort) return `container_port: ${containerPort} is no port`;
  if (hostIp !== '' && isIP(hostIp) === 0) return `host_ip: ${JSON.stringify(hostIp.slice(0, 100))} is no address`;
  return undefined;
}

/** A blank or a line's end would make two entries of one. */
function wrongText({ servers, searches, options }: DNSConfig): string | undefined {
  return [...servers, ...searches, ...options].find((text) => !/^[^\s\0]+$/.test(text));
}
