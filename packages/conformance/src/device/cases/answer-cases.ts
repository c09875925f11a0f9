import { existsSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { isCdiName } from '@berth/sdk/cdi-name';
import { expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { allocateEach } from '../allocation.ts';
import type { ContainerAllocateResponse } from '../messages.ts';
import { healthyDevice } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';

type Part = keyof ContainerAllocateResponse;

/** A case about one part of the answers for all healthy devices. It is skipped where no answer has that part. */
function answerCase<Name extends Part>(
  id: string,
  clause: string,
  proves: string[],
  part: Name,
  problemsOf: (value: ContainerAllocateResponse[Name]) => string[],
): Case<DeviceTarget> {
  return {
    id: `answer.${id}`,
    group: 'answer',
    clause,
    proves: ['Allocate', `ContainerAllocateResponse.${fields[part]}`, ...proves],
    needs: [healthyDevice],
    async run(target) {
      const answers = await allocateEach(target);
      if (![...answers.values()].some((answer) => Object.keys(answer[part]).length > 0))
        throw new SkipCase(`its answers have no ${fields[part]}`);
      const problems = [...answers].flatMap(([device, answer]) => problemsOf(answer[part]).map((problem) => `${device}: ${problem}`));
      expectTrue(problems.length === 0, problems.slice(0, 5).join('; '));
    },
  };
}

const fields: Record<Part, string> = {
  envs: 'envs',
  mounts: 'mounts',
  devices: 'devices',
  annotations: 'annotations',
  cdiDevices: 'cdi_devices',
};

function pathProblems(what: string, path: string): string[] {
  const isClean = posix.isAbsolute(path) && !path.includes('\0') && [path, `${path}/`].includes(withSlash(posix.normalize(path), path));
  return isClean ? [] : [`${what} is ${JSON.stringify(path)}: it has to be absolute, without ".." and "."`];
}

/** A slash at the end is the same directory. */
function withSlash(normal: string, path: string): string {
  return path.endsWith('/') || !normal.endsWith('/') ? normal : normal.slice(0, -1);
}

function keyProblems(what: string, keys: string[], wrong: RegExp): string[] {
  return keys.filter((key) => key === '' || wrong.test(key)).map((key) => `${what} is ${JSON.stringify(key)}`);
}

function nulProblems(what: string, values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([key, value]) => (value.includes('\0') ? [`${what} ${key} has a NUL in its value`] : []));
}

function repeated(what: string, values: string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index).map((value) => `${what} ${value} comes twice`);
}

/** Whether it is a device, or a directory of devices such as /dev/snd. */
function isDevice(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && (found.isCharacterDevice() || found.isBlockDevice() || found.isDirectory());
}

/** What an answer says has to be something that a runtime can do. But for CDI's names the rules are the suite's own, apart from those of Berth's kubelet and kit, which it judges too. */
export const answerCases: Case<DeviceTarget>[] = [
  answerCase(
    'device-paths',
    'paths of devices are absolute and clean (api.proto, DeviceSpec; OCI config-linux.md, Devices)',
    ['DeviceSpec.container_path', 'DeviceSpec.host_path'],
    'devices',
    (devices) =>
      devices.flatMap(({ containerPath, hostPath }) => [
        ...pathProblems('container_path', containerPath),
        ...pathProblems('host_path', hostPath),
      ]),
  ),
  answerCase(
    'device-files',
    'host_path of a device is a device, or a directory of devices, of this host (api.proto, DeviceSpec.host_path)',
    ['DeviceSpec.host_path'],
    'devices',
    (devices) => devices.flatMap(({ hostPath }) => (isDevice(hostPath) ? [] : [`${hostPath} is no device of this host`])),
  ),
  answerCase(
    'device-permissions',
    'permissions of a device are one or more of r, w and m (api.proto, DeviceSpec.permissions)',
    ['DeviceSpec.permissions'],
    'devices',
    (devices) =>
      devices.flatMap(({ hostPath, permissions }) =>
        /^[rwm]+$/.test(permissions) && new Set(permissions).size === permissions.length
          ? []
          : [`permissions of ${hostPath} are ${JSON.stringify(permissions)}`],
      ),
  ),
  answerCase(
    'devices-apart',
    'no two devices are at one place in the container (api.proto, DeviceSpec.container_path)',
    ['DeviceSpec.container_path'],
    'devices',
    (devices) =>
      repeated(
        'container_path',
        devices.map(({ containerPath }) => containerPath),
      ),
  ),
  answerCase(
    'mount-paths',
    'paths of mounts are absolute and clean (api.proto, Mount; OCI config.md, Mounts)',
    ['Mount.container_path', 'Mount.host_path', 'Mount.read_only'],
    'mounts',
    (mounts) =>
      mounts.flatMap(({ containerPath, hostPath }) => [
        ...pathProblems('container_path', containerPath),
        ...pathProblems('host_path', hostPath),
      ]),
  ),
  answerCase(
    'mount-sources',
    'host_path of a mount exists on this host (api.proto, Mount.host_path)',
    ['Mount.host_path'],
    'mounts',
    (mounts) => mounts.flatMap(({ hostPath }) => (existsSync(hostPath) ? [] : [`there is no ${hostPath}`])),
  ),
  answerCase(
    'mounts-apart',
    'no two mounts are at one place in the container (api.proto, Mount.container_path)',
    ['Mount.container_path'],
    'mounts',
    (mounts) =>
      repeated(
        'container_path',
        mounts.map(({ containerPath }) => containerPath),
      ),
  ),
  answerCase(
    'variables',
    'names of variables have no "=" and nothing has a NUL (api.proto, ContainerAllocateResponse.envs; environ(7))',
    [],
    'envs',
    (envs) => [...keyProblems('the name of a variable', Object.keys(envs), /[=\0]/), ...nulProblems('the variable', envs)],
  ),
  answerCase(
    'annotations',
    'keys of annotations are not empty, and nothing has a NUL (OCI config.md, Annotations)',
    [],
    'annotations',
    (annotations) => [
      ...keyProblems('the key of an annotation', Object.keys(annotations), /\0/),
      ...nulProblems('the annotation', annotations),
    ],
  ),
  answerCase(
    'cdi-names',
    'a CDI device has its full name, vendor.example/class=name (KEP-4009; api.proto, CDIDevice)',
    ['CDIDevice.name'],
    'cdiDevices',
    (devices) => [
      ...devices.flatMap(({ name }) => (isCdiName(name) ? [] : [`${JSON.stringify(name)} is no CDI name`])),
      ...repeated(
        'the CDI device',
        devices.map(({ name }) => name),
      ),
    ],
  ),
];
