import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectEqual, expectTrue } from '../../expect.ts';
import type { LayerEntry } from '../../layer-entry.ts';
import type { Case } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import { logs, ownImages, sameHost } from '../needs.ts';
import { expectAbsent } from '../pulling.ts';
import type { CriTarget } from '../target.ts';

const up = '../'.repeat(20);
const secret = 'of the host, not of the image\n';

/** Layers of which something points out of the root: each may be refused or kept inside, and nothing of the host is touched. */
export const imageEscapeCases: Case<CriTarget>[] = [
  {
    id: 'image.dot-dot-names',
    group: 'image',
    clause: 'a file whose name has ".." does not get out of the root (image-spec, layer.md: paths are relative to the root)',
    proves: ['PullImage'],
    needs: [ownImages, logs, sameHost],
    run: (target, signal) =>
      staysInside(target, signal, ({ planted }) => [
        [file(`${up}${planted}`)],
        [file(`a/b/${up}${planted}`)],
        [file(`./a/./../..${planted}`)],
      ]),
  },
  {
    id: 'image.absolute-names',
    group: 'image',
    clause: 'a file whose name is absolute is one below the root (image-spec, layer.md: paths are relative to the root)',
    proves: ['PullImage'],
    needs: [ownImages, logs, sameHost],
    run: (target, signal) => staysInside(target, signal, ({ planted }) => [[file(planted), file(`//${planted}`)]]),
  },
  {
    id: 'image.through-links',
    group: 'image',
    clause: 'a file below a symbolic link does not get to where that points on the host, of one layer and of two (image-spec, layer.md)',
    proves: ['PullImage'],
    needs: [ownImages, logs, sameHost],
    run: (target, signal) =>
      staysInside(target, signal, ({ directory }) => {
        const absolute: LayerEntry = { type: 'symlink', path: 'absolute', target: directory };
        const relative: LayerEntry = { type: 'symlink', path: 'relative', target: `${up}${directory}` };
        return [[absolute, file('absolute/planted')], [relative], [file('relative/planted')]];
      }),
  },
  {
    id: 'image.over-links',
    group: 'image',
    clause: 'a file in the place of a symbolic link replaces the link, not what that points to (image-spec, layer.md)',
    proves: ['PullImage'],
    needs: [ownImages, logs, sameHost],
    run: (target, signal) =>
      staysInside(target, signal, ({ victim }) => {
        const link = (path: string): LayerEntry => ({ type: 'symlink', path, target: victim });
        return [[link('same'), file('same'), link('other')], [file('other')]];
      }),
  },
  {
    id: 'image.links-outside',
    group: 'image',
    clause: 'a hard link never names a file outside of the root (image-spec, layer.md, Hardlinks)',
    proves: ['PullImage'],
    needs: [ownImages, logs, sameHost],
    run: (target, signal) =>
      staysInside(target, signal, ({ victim, directory }) => [
        [{ type: 'hard-link', path: 'leak', target: `${up}${victim}` }],
        [{ type: 'hard-link', path: 'leak', target: victim }],
        [
          { type: 'symlink', path: 'way', target: directory },
          { type: 'hard-link', path: 'leak', target: 'way/victim' },
        ],
      ]),
  },
  {
    id: 'image.whiteouts-outside',
    group: 'image',
    clause: 'a whiteout hides nothing outside of the root (image-spec, layer.md, Whiteouts)',
    proves: ['PullImage'],
    needs: [ownImages, logs, sameHost],
    run: (target, signal) =>
      staysInside(target, signal, ({ directory }) => [
        [file(`${up}${directory}/.wh.victim`)],
        [file(`${up}${directory}/.wh..wh..opq`)],
        [{ type: 'symlink', path: 'way', target: directory }, file('way/.wh.victim')],
        [file('.wh...'), file('a/.wh...')],
      ]),
  },
];

/** What of the host a layer aims at: a directory with a file in it, and the path of one that isn't there. */
interface Aim {
  directory: string;
  victim: string;
  planted: string;
}

/** Each of the layers goes into an image of its own on top of those before it; where that is pulled, a container of it has to start, too. */
async function staysInside(target: CriTarget, signal: AbortSignal, layersAt: (aim: Aim) => LayerEntry[][]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), `berth-escape-${randomUUID().slice(0, 8)}-`));
  const aim = { directory, victim: join(directory, 'victim'), planted: join(directory, 'planted') };
  writeFileSync(aim.victim, secret);
  try {
    const layers = layersAt(aim);
    for (const count of layers.keys()) {
      await pullAndLook(target, layers.slice(0, count + 1), signal);
      expectTrue(!existsSync(aim.planted), `layer ${count} put a file outside of the root`);
      expectTrue(existsSync(aim.victim), `layer ${count} removed a file outside of the root`);
      expectEqual(readFileSync(aim.victim, 'utf8'), secret, `a file outside of the root, after layer ${count}`);
      expectEqual(statSync(aim.victim).nlink, 1, `links to a file outside of the root, after layer ${count}`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function pullAndLook(target: CriTarget, layers: LayerEntry[][], signal: AbortSignal): Promise<void> {
  const image = await target.publisher.publish({ layers });
  await withCleanUp(
    async () => {
      const pulled = await target.client.PullImage({ image: { image: image.reference } }).catch(() => undefined);
      await target.alive();
      if (!pulled) return expectAbsent(target, image.id);
      const output = await target.script('test -e /leak && cat /leak; true', signal, { image: { image: image.id } });
      expectTrue(!output.includes(secret.trim()), 'the container reads a file of the host');
    },
    async () => void (await target.client.RemoveImage({ image: { image: image.id } })),
  );
}

function file(path: string): LayerEntry {
  return { type: 'file', path, content: 'planted\n' };
}
