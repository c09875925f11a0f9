import { setTimeout as sleep } from 'node:timers/promises';
import { devicePluginVersion, kubeletSocket } from '@berth/sdk/device/constants';
import { checkResourceName } from '@berth/sdk/device/resource-name';
import { expectDistinct, expectEqual, expectSame, expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { command } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';
import { faultOf, socketsIn } from '../test-kubelet.ts';

/** How long a kubelet is looked at that has a plugin. */
const lookMs = 2_000;

/** How a plugin makes itself known. */
export const registrationCases: Case<DeviceTarget>[] = [
  {
    id: 'registration.version',
    group: 'registration',
    clause: 'a plugin registers with the version of the API, v1beta1: kubelets refuse any other (constants.go, Version)',
    proves: ['Register', 'RegisterRequest.version'],
    needs: [command],
    async run({ node }) {
      expectEqual((await node.registration()).request.version, devicePluginVersion, 'version');
    },
  },
  {
    id: 'registration.endpoint',
    group: 'registration',
    clause: "the endpoint is the name of the plugin's socket in the directory for device plugins (api.proto, RegisterRequest.endpoint)",
    proves: ['RegisterRequest.endpoint'],
    needs: [command],
    async run({ node }) {
      const { endpoint } = (await node.registration()).request;
      expectTrue(/^[^/\0]+$/.test(endpoint) && !['.', '..', kubeletSocket].includes(endpoint), `endpoint is ${JSON.stringify(endpoint)}`);
      expectTrue((await socketsIn(node.directory)).includes(endpoint), `there is no socket ${JSON.stringify(endpoint)} in the directory`);
    },
  },
  {
    id: 'registration.serves',
    group: 'registration',
    clause:
      'a plugin serves before it registers: the kubelet connects to it before it answers (device plugins page, Device plugin implementation)',
    proves: ['Register', 'Registration.serves'],
    needs: [command],
    async run({ node }) {
      const latest = await node.registration();
      const first = node.kubelet.registrations.find(({ request }) => request.resourceName === node.resource) ?? latest;
      expectTrue(first.plugin !== undefined, faultOf(first));
    },
  },
  {
    id: 'registration.resource-name',
    group: 'registration',
    clause: 'the resource is named as an extended resource, vendor-domain/resourcetype (device plugins page, Device plugin registration)',
    proves: ['RegisterRequest.resource_name'],
    needs: [command],
    async run({ node }) {
      checkResourceName((await node.registration()).request.resourceName, 'resource_name');
    },
  },
  {
    id: 'registration.options',
    group: 'registration',
    clause:
      'the options in Register are those that GetDevicePluginOptions answers, where there are any (api.proto, RegisterRequest.options)',
    proves: ['RegisterRequest.options', 'GetDevicePluginOptions'],
    needs: [command],
    async run({ node }) {
      const { request, plugin } = await node.registration();
      if (request.options === null) throw new SkipCase('it registers without options, and kubelets ask for them by GetDevicePluginOptions');
      expectSame(request.options, plugin?.options, 'options in Register, and those of GetDevicePluginOptions');
    },
  },
  {
    id: 'registration.once',
    group: 'registration',
    clause:
      'a plugin registers once with a kubelet that goes on: each Register makes the kubelet begin anew with it (devicemanager, server.go)',
    proves: ['Register'],
    needs: [command],
    exclusive: true,
    async run(target) {
      await target.node.restartKubelet();
      await target.node.registered();
      await sleep(lookMs);
      const names = target.node.kubelet.registrations.map(({ request }) => request.resourceName);
      expectDistinct(names, `registered more than once within ${lookMs} ms`);
    },
  },
  {
    id: 'registration.resources-apart',
    group: 'registration',
    clause:
      'each resource of a command that has several is registered by itself, with an endpoint of its own (api.proto, RegisterRequest.endpoint)',
    proves: ['RegisterRequest.endpoint', 'RegisterRequest.resource_name'],
    needs: [command],
    async run({ node }) {
      const { resources } = node;
      if (resources.length === 1) throw new SkipCase('the command registers one resource');
      const registrations = await Promise.all(resources.map((resource) => node.registration(resource)));
      expectDistinct(
        registrations.map(({ request }) => request.endpoint),
        'endpoints of several resources',
      );
    },
  },
];
