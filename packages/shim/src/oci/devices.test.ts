import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requestedDevices } from './devices.ts';

const request = (hostPath: string, containerPath = '', permissions = '') =>
  requestedDevices([{ hostPath, containerPath, permissions }], 'container web');

describe.skipIf(process.platform !== 'linux')('devices of a request (Linux only)', () => {
  it('are the nodes that they name, at the place and with the access asked for', async () => {
    expect(await request('/dev/null', '/dev/nothing', 'r')).toMatchObject([
      { path: '/dev/nothing', type: 'c', major: 1, minor: 3, access: 'r' },
    ]);
    expect(await request('/dev/null')).toMatchObject([{ path: '/dev/null', access: 'rwm' }]);
  });

  it('are refused when they are missing, no device, or have unknown permissions', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-devices-'));
    try {
      await writeFile(join(directory, 'file'), '');
      await expect(request(join(directory, 'file'))).rejects.toThrow(/^container web: .*file is no device/);
      await expect(request(join(directory, 'missing'))).rejects.toThrow(/^container web: device .*missing can't be read: ENOENT/);
      await expect(request('/dev/null', '', 'rx')).rejects.toThrow(/permissions "rx"/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
