import { expect, it } from 'vitest';
import { settingFlags } from './setting-flags.ts';

it.each([
  ['discovery', 'text', 'how GPUs are found: auto, nvml, files', 'auto'],
  ['device-list-strategy', 'texts', 'how devices are told to the runtime: envvar, volume-mounts, cdi-annotations, cdi-cri', 'envvar'],
  ['replicas', 'number', 'how many share each device, by time-slicing', '1'],
  ['ignored-xids', 'numbers', 'errors after which a GPU is in order', '13,31,43,45,68,109'],
  ['recover-after-seconds', 'number', 'how long no other error may come until a GPU is healthy again', '300'],
  ['driver-files', 'boolean', "mount the driver's libraries and nvidia-smi; --no-driver-files for none", 'true'],
  ['rename-shared', 'boolean', 'call shared resources NAME.shared', undefined],
  ['allowed-uids', 'numbers', 'users whose kubelet is served', 'root and the own one'],
])('--%s is what its setting is', (name, kind, help, standard) => {
  expect(settingFlags[name]).toEqual({ kind, help, standard });
});

it('leaves out what a flag can not hold', () => expect(Object.keys(settingFlags)).not.toContain('replicas-per-resource'));
