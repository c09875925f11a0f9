import { expectMatch } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { sinceRelease } from '../expect.ts';
import { expectFilesystem } from '../figures.ts';
import { resources } from '../needs.ts';
import type { CriTarget } from '../target.ts';

/** What images and writable layers use. */
export const filesystemStatsCases: Case<CriTarget>[] = [
  {
    id: 'stats.image-filesystem',
    group: 'stats',
    clause: 'ImageFsInfo tells what images and writable layers have in use (cri.proto, ImageFsInfo)',
    proves: ['ImageFsInfo', 'ImageFsInfoResponse.image_filesystems', 'FilesystemIdentifier.mountpoint'],
    needs: [resources],
    async run(target) {
      await target.image('shell');
      const { imageFilesystems } = await target.client.ImageFsInfo({});
      expectFilesystem(imageFilesystems[0], 'image_filesystems[0]');
    },
  },
  {
    id: 'stats.container-filesystem',
    group: 'stats',
    clause: 'ImageFsInfo tells where writable layers are, beside images or apart (cri.proto, ImageFsInfoResponse.container_filesystems)',
    proves: ['ImageFsInfoResponse.container_filesystems'],
    needs: [resources],
    async run(target) {
      sinceRelease(target, '0.29', 'container_filesystems');
      const { containerFilesystems } = await target.client.ImageFsInfo({});
      expectMatch(containerFilesystems[0]?.fsId?.mountpoint ?? '', /^\//, 'container_filesystems[0].fs_id.mountpoint');
    },
  },
];
