import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OciConfig } from '../config-json.ts';
import { withCdiEdits } from './apply.ts';
import { cdiDeviceNodes } from './device-nodes.ts';
import { cdiNames } from './names.ts';
import { cdiEdits } from './registry.ts';
import { parseCdiSpecification } from './specification.ts';

let directory: string;
let directories: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cdi-'));
  directories = [join(directory, 'etc'), join(directory, 'run')];
  for (const each of directories) await mkdir(each);
});

afterEach(() => rm(directory, { recursive: true }));

const gpu = {
  cdiVersion: '0.6.0',
  kind: 'vendor.com/gpu',
  containerEdits: { env: ['DRIVER=1'], hooks: [{ hookName: 'createContainer', path: '/bin/hook', args: ['hook', 'link'] }] },
  devices: [
    { name: '0', containerEdits: { deviceNodes: [{ path: '/dev/null', permissions: 'rw' }], env: ['VISIBLE=0'] } },
    {
      name: 'all',
      containerEdits: { mounts: [{ hostPath: '/lib', containerPath: '/driver', options: ['ro', 'rbind'] }], additionalGids: [44, 0] },
    },
  ],
};

const write = (place: 'etc' | 'run', name: string, content: string | object) =>
  writeFile(join(directory, place, name), typeof content === 'string' ? content : JSON.stringify(content));

const find = (...names: string[]) => cdiEdits(names, 'container c', directories);

const plain: OciConfig = {
  ociVersion: '1.0.2',
  process: {
    terminal: false,
    user: { uid: 0, gid: 0, additionalGids: [7] },
    args: [],
    env: ['PATH=/bin', 'VISIBLE=none'],
    cwd: '/',
    capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
    noNewPrivileges: false,
  },
  root: { path: '/', readonly: false },
  mounts: [],
  annotations: {},
  linux: { namespaces: [], cgroupsPath: '', resources: { devices: [] }, devices: [], sysctl: {}, maskedPaths: [], readonlyPaths: [] },
};

describe('CDI devices', () => {
  it('change the configuration by their edits, those of their specification once and first', async () => {
    await write('etc', 'gpu.json', gpu);
    const edits = await find('vendor.com/gpu=0', 'vendor.com/gpu=all');
    const config = withCdiEdits(plain, edits, await cdiDeviceNodes(edits, 'container c'));
    expect(edits).toHaveLength(3);
    expect(config.process).toMatchObject({ env: ['PATH=/bin', 'VISIBLE=0', 'DRIVER=1'], user: { additionalGids: [7, 44] } });
    expect(config.mounts).toEqual([{ destination: '/driver', source: '/lib', type: 'bind', options: ['ro', 'rbind'] }]);
    expect(config.hooks).toEqual({ createContainer: [{ path: '/bin/hook', args: ['hook', 'link'], env: [] }] });
    expect(config.linux.devices).toMatchObject([{ path: '/dev/null', type: 'c', major: 1, minor: 3 }]);
    expect(config.linux.resources.devices).toEqual([{ allow: true, type: 'c', major: 1, minor: 3, access: 'rw' }]);
  });

  it('are read from YAML too, anew each time; a later folder goes before an earlier one', async () => {
    await write('etc', 'a.yaml', 'cdiVersion: 0.6.0\nkind: vendor.com/net\ndevices:\n- name: x\n  containerEdits: {env: [A=etc]}\n');
    expect((await find('vendor.com/net=x')).at(-1)?.env).toEqual(['A=etc']);
    await write('run', 'b.json', { ...gpu, kind: 'vendor.com/net', devices: [{ name: 'x', containerEdits: { env: ['A=run'] } }] });
    expect((await find('vendor.com/net=x')).at(-1)?.env).toEqual(['A=run']);
  });

  it('are asked for in the field, and by older kubelets in annotations', () => {
    const config = ContainerConfig.fromPartial({
      CDIDevices: [{ name: 'v.com/a=1' }],
      annotations: { 'cdi.k8s.io/plugin': 'v.com/a=2, v.com/a=3', other: 'x' },
    });
    expect(cdiNames(config)).toEqual(['v.com/a=1', 'v.com/a=2', 'v.com/a=3']);
  });

  it('that nobody specified are NOT_FOUND, and files that cannot be read are named', async () => {
    await write('etc', 'broken.json', '{');
    await write('etc', 'old.json', { ...gpu, cdiVersion: '9.0.0' });
    await expect(find('vendor.com/gpu=0')).rejects.toThrow(
      /container c: no specification .*vendor\.com\/gpu=0.*broken\.json.*old\.json: cdiVersion "9\.0\.0"/,
    );
    await write('etc', 'gpu.json', gpu);
    expect(await find('vendor.com/gpu=0')).toHaveLength(2);
  });

  it('that two files of one folder specify are refused', async () => {
    await write('etc', 'a.json', gpu);
    await write('etc', 'b.json', gpu);
    await expect(find('vendor.com/gpu=0')).rejects.toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
  });

  it('whose node is not there are refused', async () => {
    await write('etc', 'a.json', { ...gpu, devices: [{ name: '0', containerEdits: { deviceNodes: [{ path: '/dev/none-such' }] } }] });
    await expect(cdiDeviceNodes(await find('vendor.com/gpu=0'), 'container c')).rejects.toThrow(
      /container c: CDI device node \/dev\/none-such/,
    );
  });
});

describe('a CDI specification', () => {
  const parse = (content: unknown) => parseCdiSpecification(content, 'spec.json');
  const withEdits = (containerEdits: unknown) => ({ ...gpu, devices: [{ name: '0', containerEdits }] });

  it.each([
    ['no object', [], /spec\.json: its content is no object/],
    ['kind', { ...gpu, kind: 'gpu' }, /kind "gpu"/],
    ['a kind that ends in a dash', { ...gpu, kind: 'vendor.com/gpu-' }, /kind "vendor\.com\/gpu-" is not of the form/],
    ['a name that ends in a dash', { ...gpu, devices: [{ ...gpu.devices[0], name: '0-' }] }, /devices\[0\]\.name "0-" is no device name/],
    ['devices', { ...gpu, devices: {} }, /devices is no list/],
    ['a name twice', { ...gpu, devices: [gpu.devices[0], gpu.devices[0]] }, /devices\[1\]\.name "0" stands there twice/],
    ['a relative path', withEdits({ deviceNodes: [{ path: 'dev/null' }] }), /deviceNodes\[0\]\.path is no absolute path/],
    ['env', withEdits({ env: ['=1'] }), /env "=1"/],
    ['hooks', withEdits({ hooks: [{ hookName: 'never', path: '/x' }] }), /hookName is no hook/],
    ['intelRdt', withEdits({ intelRdt: {} }), /intelRdt is not supported/],
    ['negative numbers', withEdits({ deviceNodes: [{ path: '/dev/x', major: -1 }] }), /major is no whole number/],
  ])('is refused for %s', (_, content, message) => {
    expect(() => parse(content)).toThrow(message);
  });

  it('of any content is either read or refused as INVALID_ARGUMENT', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.jsonValue().map(withEdits)), (content) => {
        try {
          parse(content);
        } catch (error) {
          expect(error).toBeInstanceOf(PluginError);
          expect((error as PluginError).code).toBe('INVALID_ARGUMENT');
        }
      }),
      { numRuns: 300 },
    );
  });

  it('names of any form are answered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.constantFrom('../../etc/passwd', 'a/b', 'a/b=', '=c', 'x'.repeat(10_000))),
        async (name) => {
          await expect(find(name)).rejects.toThrow(PluginError);
        },
      ),
      { numRuns: 100 },
    );
  });
});
