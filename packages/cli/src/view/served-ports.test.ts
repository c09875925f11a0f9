import { kubeletConfiguration } from '@berth/kubelet/kubelet-configuration';
import { expect, it } from 'vitest';
import { servedPorts } from './served-ports.ts';

const of = (fields: object) =>
  servedPorts(kubeletConfiguration.parse({ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...fields }));

it.each([
  [
    {},
    [
      'port https://0.0.0.0:10250 is for nobody: there is no API server to ask, and no authentication.x509.clientCAFile',
      'healthzPort http://127.0.0.1:10248/healthz is for anybody',
    ],
  ],
  [
    { address: '::1', readOnlyPort: 10255, healthzPort: 0, authentication: { x509: { clientCAFile: '/ca.crt' } } },
    [
      'port https://[::1]:10250 is for clients with a certificate of /ca.crt, who may do all: authorization.mode is AlwaysAllow',
      'readOnlyPort http://[::1]:10255 is for anybody',
    ],
  ],
  [
    { healthzPort: 0, authentication: { anonymous: { enabled: true } } },
    ['port https://0.0.0.0:10250 is for anybody, who may do all: authentication.anonymous is enabled'],
  ],
  [{ enableServer: false, healthzPort: 0 }, []],
])('%j', (fields, lines) => {
  expect(of(fields)).toEqual(lines);
});
