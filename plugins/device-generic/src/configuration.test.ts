import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readSettings } from './configuration.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-generic-settings-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function settings(text: string) {
  const path = join(directory, 'devices.yaml');
  writeFileSync(path, text);
  return readSettings(path);
}

it('fills in the defaults', () => {
  expect(settings('resources:\n  - name: example.org/serial\n    patterns: [/dev/ttyUSB*]\n')).toEqual({
    resources: [{ name: 'example.org/serial', patterns: ['/dev/ttyUSB*'], exclude: [], groups: [], permissions: 'rw', replicas: 1 }],
    intervalSeconds: 1,
    pluginDirectory: '/var/lib/kubelet/device-plugins',
  });
});

const resource = (more: string) => `resources:\n  - name: example.org/a\n    patterns: [/dev/a]\n${more}`;

it.each([
  ['', /devices\.yaml:1: resources: /],
  ['resources: []\n', /devices\.yaml:1: resources: /],
  [
    'resources:\n  - name: gpu\n    patterns: [/dev/a]\n',
    /devices\.yaml:2: resources\[0\]\.name: must be the name of an extended resource/,
  ],
  ['resources:\n  - name: example.org/a\n', /devices\.yaml:2: resources\[0\]: needs patterns or groups/],
  [
    'resources:\n  - name: example.org/a\n    patterns: [dev/a]\n',
    /devices\.yaml:3: resources\[0\]\.patterns\[0\]: must be an absolute path/,
  ],
  ['resources:\n  - name: example.org/a\n    patterns: [/dev/../etc/*]\n', /must not have \.\. in it/],
  [resource('    containerPath: /dev/../x\n'), /devices\.yaml:4: resources\[0\]\.containerPath: must not have \.\. in it/],
  [resource('    containerPath: /dev/{nmae}\n'), /containerPath: may have \{name\} and \{index\} in it, and nothing else in braces/],
  [resource('    permissions: rwx\n'), /devices\.yaml:4: resources\[0\]\.permissions: must be of r, w and m, each once/],
  [resource('    permissions: rr\n'), /permissions: must be of r, w and m/],
  [resource('    replicas: 0\n'), /devices\.yaml:4: resources\[0\]\.replicas: /],
  [resource('    env: 1X\n'), /devices\.yaml:4: resources\[0\]\.env: must be a variable's name/],
  [resource('    colour: red\n'), /devices\.yaml:4: resources\[0\]\.colour: there is no such setting; remove it, or mend its name$/],
  [resource('    groups: [{id: a/b, patterns: [/dev/a]}]\n'), /groups\[0\]\.id: must be 1 to 50 letters/],
  [resource('    groups: [{id: a, patterns: [/dev/a]}, {id: a, patterns: [/dev/b]}]\n'), /groups: two have the same id/],
  [resource('  - name: example.org/a\n    patterns: [/dev/b]\n'), /resources: two have the same name/],
])('names what is wrong: %j', (text, message) => expect(() => settings(text)).toThrow(message));

it('names a file that is not there', () => {
  expect(() => readSettings(join(directory, 'none.yaml'))).toThrow(/none\.yaml: there is no such file/);
});
