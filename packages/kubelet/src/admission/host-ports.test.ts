import type { ContainerPort, Pod } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { hostPorts } from './host-ports.ts';

function podWith(...ports: Partial<ContainerPort>[]): Pod {
  return makePod({ containers: [{ name: 'main', image: 'a', ports: ports.map((port) => ({ containerPort: 80, ...port })) }] });
}

describe('a pod is refused', () => {
  it.each<[what: string, asked: Partial<ContainerPort>, taken: Partial<ContainerPort>]>([
    ['a port that another pod has', { hostPort: 8080 }, { hostPort: 8080 }],
    ['one that another has on one address', { hostPort: 8080 }, { hostPort: 8080, hostIP: '10.0.0.1' }],
    ['one on an address, that another has on all', { hostPort: 8080, hostIP: '10.0.0.1' }, { hostPort: 8080, hostIP: '0.0.0.0' }],
  ])('%s', (_, asked, taken) => {
    const holder = { ...podWith(taken), metadata: { name: 'first', namespace: 'shop', uid: 'u' } };
    expect(hostPorts.admit({ pod: podWith({}, asked), others: [podWith(), holder] })).toEqual({
      reason: 'NodePorts',
      message: 'port 8080/TCP of the host is taken by pod shop/first; use another hostPort, or end that pod first',
    });
  });
});

describe('a pod is given', () => {
  it.each<[what: string, asked: Partial<ContainerPort>, taken: Partial<ContainerPort>]>([
    ['a port of another number', { hostPort: 8080 }, { hostPort: 8081 }],
    ['a port of another protocol', { hostPort: 8080 }, { hostPort: 8080, protocol: 'UDP' }],
    ['a port of another address', { hostPort: 8080, hostIP: '10.0.0.1' }, { hostPort: 8080, hostIP: '10.0.0.2' }],
    ['a port of its own only', {}, {}],
  ])('%s', (_, asked, taken) => {
    expect(hostPorts.admit({ pod: podWith(asked), others: [podWith(taken)] })).toBeUndefined();
  });
});
