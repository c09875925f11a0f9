import type { Service } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { serviceLinks } from './service-links.ts';

function service(namespace: string, name: string, clusterIP: string, ports: NonNullable<NonNullable<Service['spec']>['ports']>): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { clusterIP, ports } };
}

const api = service('default', 'kubernetes', '10.96.0.1', [{ name: 'https', port: 443, protocol: 'TCP' }]);
const web = service('shop', 'my-web', '10.96.0.7', [
  { name: 'http', port: 80, protocol: 'TCP' },
  { name: 'game-x', port: 99, protocol: 'UDP' },
]);
const headless = service('shop', 'headless', 'None', [{ port: 80 }]);
const elsewhere = service('other', 'db', '10.96.0.8', [{ port: 5432 }]);
const all = [api, web, headless, elsewhere];

it('a pod finds the services of its namespace, and the API', () => {
  expect(Object.fromEntries(serviceLinks(all, 'shop', true))).toEqual({
    MY_WEB_SERVICE_HOST: '10.96.0.7',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_SERVICE_PORT_GAME_X: '99',
    MY_WEB_PORT: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.96.0.7',
    MY_WEB_PORT_99_UDP: 'udp://10.96.0.7:99',
    MY_WEB_PORT_99_UDP_PROTO: 'udp',
    MY_WEB_PORT_99_UDP_PORT: '99',
    MY_WEB_PORT_99_UDP_ADDR: '10.96.0.7',
    ...Object.fromEntries(serviceLinks(all, 'shop', false)),
  });
});

it('without enableServiceLinks it finds the API alone', () => {
  expect([...serviceLinks(all, 'shop', false).keys()].every((name) => name.startsWith('KUBERNETES_'))).toBe(true);
  expect(serviceLinks(all, 'shop', false).get('KUBERNETES_SERVICE_HOST')).toBe('10.96.0.1');
});

it('a service with the name of the API in its own namespace stands before it', () => {
  const own = service('shop', 'kubernetes', '10.96.0.99', [{ port: 1 }]);
  expect(serviceLinks([api, own], 'shop', true).get('KUBERNETES_SERVICE_HOST')).toBe('10.96.0.99');
});
