import { expectEqual, expectTrue, present } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { sinceRelease } from '../expect.ts';
import { resources } from '../needs.ts';
import type { CriTarget } from '../target.ts';

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
  {
    id: 'runtime.version-any',
    group: 'runtime',
    clause: 'the version that a client prefers is not checked (cri.proto, VersionRequest.version)',
    proves: ['VersionRequest.version', 'VersionResponse.version'],
    async run({ client }) {
      for (const version of ['', '0.1.0', 'v9']) expectTrue((await client.Version({ version })).version !== '', 'version is empty');
    },
  },
  {
    id: 'runtime.status-verbose',
    group: 'runtime',
    clause: 'with verbose, Status has more to tell a person (cri.proto, StatusResponse.info)',
    proves: ['StatusRequest.verbose', 'StatusResponse.info'],
    async run({ client }) {
      expectTrue(Object.keys((await client.Status({ verbose: true })).info).length > 0, 'info is empty');
      expectEqual(Object.keys((await client.Status({})).info).length, 0, 'entries of info without verbose');
    },
  },
  {
    id: 'runtime.handlers',
    group: 'runtime',
    clause: 'Status lists all handlers, the default one also under the empty name (cri.proto, StatusResponse.runtime_handlers)',
    proves: ['StatusResponse.runtime_handlers', 'RuntimeHandler.name', 'RuntimeHandler.features'],
    async run(target) {
      sinceRelease(target, '0.30', 'runtime_handlers');
      const { runtimeHandlers } = await target.client.Status({});
      const names = runtimeHandlers.map(({ name }) => name);
      expectTrue(names.includes(''), `the default handler is not listed under the empty name: ${names.join(', ')}`);
      expectTrue(
        names.some((name) => name !== ''),
        'no handler is listed under a name',
      );
      expectTrue(names.includes(target.options.handler ?? ''), `the handler asked for is not listed: ${names.join(', ')}`);
      expectEqual(new Set(names).size, names.length, 'handlers listed once');
    },
  },
  {
    id: 'runtime.features',
    group: 'runtime',
    clause: 'Status tells the features that do not depend on the handler (cri.proto, StatusResponse.features)',
    proves: ['StatusResponse.features'],
    async run(target) {
      sinceRelease(target, '0.31', 'features');
      expectTrue((await target.client.Status({})).features !== null, 'features is not set');
    },
  },
  {
    id: 'runtime.update-config',
    group: 'runtime',
    clause: "UpdateRuntimeConfig takes the node's pod CIDR, more than once (cri.proto, UpdateRuntimeConfig)",
    proves: ['UpdateRuntimeConfig', 'UpdateRuntimeConfigRequest.runtime_config', 'RuntimeConfig.network_config', 'NetworkConfig.pod_cidr'],
    async run({ client }) {
      for (let time = 0; time < 2; time++)
        await client.UpdateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: '192.0.2.0/24' } } });
    },
  },
  {
    id: 'runtime.config',
    group: 'runtime',
    clause: 'RuntimeConfig tells the cgroup driver on Linux (cri.proto, LinuxRuntimeConfiguration.cgroup_driver)',
    proves: ['RuntimeConfig', 'RuntimeConfigResponse.linux', 'LinuxRuntimeConfiguration.cgroup_driver'],
    needs: [resources],
    async run({ client }) {
      const { linux } = await client.RuntimeConfig({});
      expectTrue(['SYSTEMD', 'CGROUPFS'].includes(present(linux, 'linux').cgroupDriver), `unknown cgroup driver ${linux?.cgroupDriver}`);
    },
  },
];
