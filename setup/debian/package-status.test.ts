import { expect, it } from 'vitest';
import { withoutRelations } from './package-status.mjs';

const status = `Package: docker-ce
Status: hold ok installed
Architecture: amd64
Version: 5:28.0.0-1
Depends: containerd.io (>= 1.6.4),
 iptables
Conflicts: docker.io
Description: a container runtime

Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9
Provides: libc6-2.36
Description: libraries

Package: removed
Status: deinstall ok config-files
Version: 1.0
`;

it('keeps which packages are installed, and nothing that they ask of others', () => {
  expect(withoutRelations(status)).toBe(
    [
      'Status: install ok installed\nPackage: docker-ce\nArchitecture: amd64\nVersion: 5:28.0.0-1\n\n',
      'Status: install ok installed\nPackage: libc6\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2.36-9\nProvides: libc6-2.36\n\n',
    ].join(''),
  );
});
