import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage, busyboxLayer, type ContainerDefaults, type LayerEntry } from '../image-builder.ts';
import { ImageRegistry, type RepositoryOptions } from '../registry/image-registry.ts';
import { findBusybox } from './busybox.ts';
import { ImagePublisher } from './image-publisher.ts';

/** The images that the cases use; `--images` maps these names to images of another registry. */
export const imageNames = ['shell', 'configured', 'numbered', 'layered', 'first-tag', 'second-tag', 'spare', 'private', 'corrupt'] as const;

export type ImageName = (typeof imageNames)[number];

/** Names to pull the images by. One that is missing has its cases skipped. */
export type ImageReferences = Partial<Record<ImageName, string>>;

/** Who may pull `private`. */
export const privateCredentials = { username: 'conformance', password: 'only-for-tests' };

/** What `configured` says of itself. */
export const configured = {
  User: 'app',
  Env: ['PATH=/usr/bin:/bin', 'GREETING=from the image', 'KEPT=yes'],
  Entrypoint: ['/bin/sh', '-c'],
  Cmd: ['echo "$GREETING, $(id -un), $(pwd)"'],
  WorkingDir: '/home/app',
  StopSignal: 'SIGUSR1',
  Volumes: { '/data': {} },
  Labels: { 'example.com/team': 'conformance' },
} satisfies ContainerDefaults;

/** User and group by number, neither of them in /etc/passwd. */
export const numberedUser = { uid: 4321, gid: 8765 };

/** Images that a registry of the suite's own serves. */
export interface ServedImages {
  references: ImageReferences;
  /** Where cases put images of their own. */
  publisher: ImagePublisher;
  close(): Promise<void>;
}

interface TestImage {
  repository: string;
  tag?: string;
  layers?: LayerEntry[][];
  config?: ContainerDefaults;
  options?: RepositoryOptions;
}

const upper: LayerEntry[] = [
  { type: 'file', path: 'layers/.wh.deleted', content: '' },
  { type: 'file', path: 'layers/replaced', content: 'new\n' },
  { type: 'file', path: 'layers/opaque/.wh..wh..opq', content: '' },
  { type: 'file', path: 'layers/opaque/added', content: 'new\n' },
];
const lower: LayerEntry[] = [
  { type: 'directory', path: 'layers' },
  { type: 'file', path: 'layers/kept', content: 'old\n' },
  { type: 'file', path: 'layers/deleted', content: 'old\n' },
  { type: 'file', path: 'layers/replaced', content: 'old\n' },
  { type: 'directory', path: 'layers/opaque' },
  { type: 'file', path: 'layers/opaque/hidden', content: 'old\n' },
  { type: 'hard-link', path: 'layers/linked', target: 'layers/kept' },
  { type: 'symlink', path: 'layers/symbolic', target: 'kept' },
];

const spare = (content: string): LayerEntry[][] => [[{ type: 'file', path: 'etc/spare', content }]];

const images: Record<ImageName, TestImage> = {
  shell: { repository: 'shell', config: { Env: ['PATH=/usr/bin:/bin'], Cmd: ['sh'] } },
  configured: { repository: 'configured', config: configured },
  numbered: { repository: 'numbered', config: { User: `${numberedUser.uid}:${numberedUser.gid}`, Cmd: ['id'] } },
  layered: { repository: 'layered', layers: [lower, upper], config: { Cmd: ['sh'] } },
  'first-tag': { repository: 'tags', tag: '1', layers: spare('tags') },
  'second-tag': { repository: 'tags', tag: '2', layers: spare('tags') },
  spare: { repository: 'spare', layers: spare('spare') },
  private: { repository: 'private', layers: spare('private'), options: { credentials: privateCredentials } },
  corrupt: { repository: 'corrupt', options: { corrupt: true }, layers: [[{ type: 'file', path: 'x', content: 'bytes '.repeat(4000) }]] },
};

/** Builds the images from a static busybox (default: the one on PATH), and serves them on loopback. */
export async function serveTestImages(busybox?: string): Promise<ServedImages> {
  const base = await busyboxLayer(await findBusybox(busybox));
  const registry = await ImageRegistry.start();
  const scratch = await mkdtemp(join(tmpdir(), 'berth-images-'));
  try {
    const references: ImageReferences = {};
    for (const name of imageNames) {
      const { repository, tag = '1', layers = [], config = {}, options = {} } = images[name];
      const output = join(scratch, `${name}.tar`);
      // A layer that is to arrive broken has to be one that no other image brings.
      const all = name === 'corrupt' ? layers : [base, ...layers];
      await buildImage({ output, names: [`${name}:${tag}`], layers: all, config, ...(name === 'corrupt' && { compression: 'none' }) });
      references[name] = await registry.add(output, `berth-conformance/${repository}`, tag, options);
    }
    return { references, publisher: await ImagePublisher.over(registry, base), close: () => registry.close() };
  } catch (error) {
    await registry.close();
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
