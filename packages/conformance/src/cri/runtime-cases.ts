import type { Case } from '../suite.ts';
import { expectEqual, expectTrue } from './expect.ts';
import type { CriTarget } from './target.ts';

export const runtimeCases: Case<CriTarget>[] = [
  {
    id: 'runtime.version',
    group: 'runtime',
    clause: 'Version names the runtime, its version and the API version v1 (api.proto, VersionResponse)',
    proves: [
      'Version',
      'VersionRequest.version',
      'VersionResponse.runtime_name',
      'VersionResponse.runtime_version',
      'VersionResponse.runtime_api_version',
    ],
    async run({ client }) {
      const version = await client.Version({ version: 'v1' });
      expectTrue(version.runtimeName !== '', 'runtime_name is empty');
      expectTrue(version.runtimeVersion !== '', 'runtime_version is empty');
      expectEqual(version.runtimeApiVersion, 'v1', 'runtime_api_version');
    },
  },
  {
    id: 'runtime.status-ready',
    group: 'runtime',
    clause: 'Status has the conditions RuntimeReady and NetworkReady (api.proto, RuntimeStatus)',
    proves: ['Status', 'StatusResponse.status', 'RuntimeStatus.conditions', 'RuntimeCondition.type', 'RuntimeCondition.status'],
    async run({ client }) {
      const { status } = await client.Status({});
      for (const type of ['RuntimeReady', 'NetworkReady']) {
        const condition = status.conditions.find((candidate) => candidate.type === type);
        expectTrue(condition !== undefined, `no condition ${type}`);
        expectTrue(condition?.status === true, `${type} is false: ${condition?.reason} ${condition?.message}`);
      }
    },
  },
];
