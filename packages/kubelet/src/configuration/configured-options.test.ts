import { expect, it } from 'vitest';
import { kubeletOptions } from './configured-options.ts';
import { kubeletConfiguration } from './kubelet-configuration.ts';

const options = (fields: object) =>
  kubeletOptions(kubeletConfiguration.parse({ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...fields }));

it.each([
  [{}, { containers: { swapBehavior: 'NoSwap', singleProcessOOMKill: false } }],
  [{ memorySwap: { swapBehavior: 'LimitedSwap' } }, { containers: { swapBehavior: 'LimitedSwap' } }],
  [{ singleProcessOOMKill: true }, { containers: { singleProcessOOMKill: true } }],
  [{}, { eventLimits: { eventRecordQPS: 50, eventBurst: 100 } }],
  [{ eventRecordQPS: 0, eventBurst: 7 }, { eventLimits: { eventRecordQPS: 0, eventBurst: 7 } }],
  [{ volumeStatsAggPeriod: '5m' }, { volumeStatsAggPeriodMs: 300_000 }],
  [{ qosReserved: { memory: '50%' } }, { cgroups: { qosReserved: { memory: '50%' } } }],
  [{ port: 10_260 }, { server: { enableServer: true, port: 10_260 } }],
])('%j becomes %j', (fields, expected) => {
  expect(options(fields)).toMatchObject(expected);
});

it('reserves nothing for QoS classes where the gate QOSReserved is shut', () => {
  expect(options({ qosReserved: { memory: '50%' }, featureGates: { QOSReserved: false } }).cgroups?.qosReserved).toEqual({});
});
