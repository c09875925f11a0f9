import type { Service } from '@berth/api/objects';

/** The service by which a pod reaches its cluster's API: every pod has its variables. */
const apiService = { namespace: 'default', name: 'kubernetes' };

/**
 * The variables by which a pod finds the services of its namespace, as Docker's links had them: `WEB_SERVICE_HOST`, `WEB_PORT`, ...
 * (kubelet/envvars/envvars.go). Without `enableServiceLinks` only those of the cluster's API; headless services have none.
 */
export function serviceLinks(services: readonly Service[], namespace: string, enableServiceLinks: boolean): Map<string, string> {
  const isApi = (service: Service) => isNamed(service, apiService.namespace) && service.metadata?.name === apiService.name;
  const linked = services.filter((service) => hasAddress(service) && enableServiceLinks && isNamed(service, namespace));
  const others = linked.filter((service) => service.metadata?.name !== apiService.name);
  const own = linked.filter((service) => service.metadata?.name === apiService.name);
  // A service of the API's name in the pod's own namespace stands before the API's.
  const api = own.length > 0 ? own : services.filter((service) => hasAddress(service) && isApi(service));
  return new Map([...others, ...api].flatMap(linksOf));
}

function isNamed({ metadata }: Service, namespace: string): boolean {
  return (metadata?.namespace || 'default') === namespace;
}

function hasAddress({ spec }: Service): boolean {
  return spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
}

function linksOf({ metadata, spec }: Service): [string, string][] {
  const prefix = variableName(metadata?.name ?? '');
  const [ip, ports] = [spec?.clusterIP ?? '', spec?.ports ?? []];
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const [first] = ports;
  if (!first) return [[`${prefix}_SERVICE_HOST`, ip]];
  const url = ({ protocol = 'TCP', port }: typeof first) => `${protocol.toLowerCase()}://${host}:${port}`;
  return [
    [`${prefix}_SERVICE_HOST`, ip],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...ports.flatMap(({ name, port }): [string, string][] =>
      name ? [[`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port)]] : [],
    ),
    [`${prefix}_PORT`, url(first)],
    ...ports.flatMap((each): [string, string][] => {
      const { protocol = 'TCP', port } = each;
      const link = `${prefix}_PORT_${port}_${protocol}`;
      return [
        [link, url(each)],
        [`${link}_PROTO`, protocol.toLowerCase()],
        [`${link}_PORT`, String(port)],
        [`${link}_ADDR`, ip],
      ];
    }),
  ];
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
