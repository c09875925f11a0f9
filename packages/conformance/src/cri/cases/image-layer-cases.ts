import { expectEqual, expectSame } from '../../expect.ts';
import type { FileContent, LayerEntry } from '../../layer-entry.ts';
import type { Case } from '../../suite.ts';
import { logs, ownImages, security } from '../needs.ts';
import { scriptIn, withPulled } from '../pulling.ts';
import type { CriTarget } from '../target.ts';

const oddNames = ['a b', 'line\nbreak', 'snow☃man', '-dash', 'back\\slash', `quote'"`, '*', '.whiteout', 'wh.not', 'x'.repeat(255)];
const deepPath = Array.from({ length: 40 }, (_, depth) => `directory-number-${depth}`).join('/');

/** cap_net_bind_service+ep, as capabilities(7) has it in `security.capability`, version 2. */
const netBindService = `\x01\0\0\x02\0\x04\0\0${'\0'.repeat(12)}`;

/** What layers hold, as a container of the image sees it. */
export const imageLayerCases: Case<CriTarget>[] = [
  {
    id: 'image.replaced-kinds',
    group: 'image',
    clause: 'what a layer has in the place of something of another kind replaces it (image-spec, layer.md, Applying Changesets)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const lower: LayerEntry[] = [
        file('kinds/was-directory/hidden'),
        file('kinds/was-file'),
        { type: 'symlink', path: 'kinds/was-link', target: 'was-file' },
      ];
      const upper: LayerEntry[] = [
        file('kinds/was-directory', 'file\n'),
        file('kinds/was-file/inside', 'inside\n'),
        file('kinds/was-link', 'own\n'),
      ];
      const image = await target.publisher.publish({ layers: [lower, upper] });
      const output = await scriptIn(target, image, 'cd /kinds; cat was-directory was-file/inside was-link', signal);
      expectEqual(output, 'file\ninside\nown', 'what is in their places');
    },
  },
  {
    id: 'image.whiteout-directory',
    group: 'image',
    clause: 'a whiteout hides a whole directory of the layers below, and what the same layer puts there is new (image-spec, layer.md)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const lower = [file('gone/deep/hidden'), file('again/hidden'), file('kept/seen')];
      const image = await target.publisher.publish({ layers: [lower, [file('.wh.gone'), file('.wh.again')], [file('again/new')]] });
      const output = await scriptIn(target, image, 'test -e /gone && echo gone; ls -A /again /kept | tr "\\n" " "; true', signal);
      expectEqual(output.trim(), '/again: new  /kept: seen', 'what is seen');
    },
  },
  {
    id: 'image.opaque-order',
    group: 'image',
    clause: 'an opaque whiteout hides what is below, not what its own layer has, in whichever order it comes (image-spec, layer.md)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const upper = [file('opaque/before'), file('opaque/.wh..wh..opq'), file('opaque/zafter')];
      const image = await target.publisher.publish({ layers: [[file('opaque/hidden'), file('opaque/deep/hidden')], upper] });
      expectEqual(await scriptIn(target, image, 'ls -A /opaque', signal), 'before\nzafter', 'what is in the directory');
    },
  },
  {
    id: 'image.hard-links',
    group: 'image',
    clause: 'hard links of a layer are one file, across directories too (image-spec, layer.md, Hardlinks)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const links = ['links/second', 'elsewhere/third'].map((path): LayerEntry => ({ type: 'hard-link', path, target: 'links/first' }));
      const image = await target.publisher.publish({ layers: [[file('links/first', 'one\n'), ...links]] });
      const script =
        'stat -c %h /links/first; test /links/first -ef /links/second && test /links/first -ef /elsewhere/third && cat /elsewhere/third';
      expectEqual(await scriptIn(target, image, script, signal), '3\none', 'links, and what the last one says');
    },
  },
  {
    id: 'image.file-attributes',
    group: 'image',
    clause: 'modes with setuid, setgid and sticky bits, owners and times are as in the layer (image-spec, layer.md, File Attributes)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const modified = new Date('2001-02-03T04:05:06Z');
      const modes = [0o4755, 0o2755, 0o6711, 0o600, 0o1, 0o7777];
      const entries = modes.map(
        (mode): LayerEntry => ({ type: 'file', path: `modes/${mode}`, content: '', mode, uid: 12, gid: 34_567, modified }),
      );
      const image = await target.publisher.publish({ layers: [[...entries, { type: 'directory', path: 'sticky', mode: 0o1770, uid: 5 }]] });
      const names = modes.map((mode) => `/modes/${mode}`).join(' ');
      const output = await scriptIn(target, image, `stat -c '%a %u %g %Y' ${names}; stat -c '%a %u' /sticky`, signal);
      const expected = modes.map((mode) => `${mode.toString(8)} 12 34567 ${modified.getTime() / 1000}`);
      expectSame(output.split('\n'), [...expected, '1770 5'], 'modes, owners and times');
    },
  },
  {
    id: 'image.directory-attributes',
    group: 'image',
    clause:
      'a directory that a layer has again gets its attributes, and keeps what is in it (image-spec, layer.md, Changeset over existing files)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const lower: LayerEntry[] = [{ type: 'directory', path: 'directory', mode: 0o755 }, file('directory/kept')];
      const upper: LayerEntry[] = [{ type: 'directory', path: 'directory', mode: 0o2750, uid: 7, gid: 8 }];
      const image = await target.publisher.publish({ layers: [lower, upper] });
      expectEqual(
        await scriptIn(target, image, "stat -c '%a %u %g' /directory; ls /directory", signal),
        '2750 7 8\nkept',
        'what it is now',
      );
    },
  },
  {
    id: 'image.devices',
    group: 'image',
    clause: 'character and block devices and FIFOs of a layer are made with their numbers (image-spec, layer.md, File Types)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const entries: LayerEntry[] = [
        { type: 'character-device', path: 'nodes/null', major: 1, minor: 3, mode: 0o666 },
        { type: 'block-device', path: 'nodes/loop', major: 7, minor: 255 },
        { type: 'fifo', path: 'nodes/fifo' },
      ];
      const image = await target.publisher.publish({ layers: [entries] });
      const output = await scriptIn(target, image, "cd /nodes; stat -c '%F %t %T' null loop; stat -c %F fifo", signal);
      expectEqual(output, 'character special file 1 3\nblock special file 7 ff\nfifo', 'kinds and numbers');
    },
  },
  {
    id: 'image.file-capabilities',
    group: 'image',
    clause:
      'extended attributes are kept: a program has the capabilities of its security.capability (image-spec, layer.md, File Attributes)',
    proves: ['PullImage'],
    needs: [ownImages, logs, security],
    async run(target, signal) {
      const xattrs = { 'security.capability': netBindService };
      const program = file('capable/cat', target.publisher.busybox);
      const image = await target.publisher.publish({ layers: [[{ ...program, mode: 0o755, xattrs }]] });
      await withPulled(target, image, async (id) => {
        const linux = { securityContext: { runAsUser: { value: 1000 } } };
        const output = await target.script('/capable/cat /proc/self/status', signal, { image: { image: id }, linux });
        const [, effective = 'none'] = /CapEff:\s*(\S+)/.exec(output) ?? [];
        expectEqual(Number.parseInt(effective, 16), 1 << 10, 'effective capabilities');
      });
    },
  },
  {
    id: 'image.odd-names',
    group: 'image',
    clause: 'file names with spaces, line breaks, quotes, beyond ASCII and of 255 bytes are kept (image-spec, layer.md; pax)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const entries = oddNames.map((name, index) => file(`odd/${name}`, `${index}\n`));
      const image = await target.publisher.publish({ layers: [entries] });
      await withPulled(target, image, async (id) => {
        const command = ['sh', '-c', 'cd /odd && cat "$@" && find . -type f | wc -l', 'sh', ...oddNames.map((name) => `./${name}`)];
        const { stdout } = await target.finished({ image: { image: id }, command }, signal);
        // With a line break in one of the names.
        expectSame(stdout, [...oddNames.keys(), oddNames.length + 1].map(String), 'contents, and lines of all names');
      });
    },
  },
  {
    id: 'image.long-names',
    group: 'image',
    clause: 'paths and link targets longer than a tar header holds are kept (image-spec, layer.md; pax)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const entries: LayerEntry[] = [
        file(`${deepPath}/file`, 'deep\n'),
        { type: 'symlink', path: 'symbolic', target: `/${deepPath}/file` },
        { type: 'hard-link', path: 'hard', target: `${deepPath}/file` },
      ];
      const image = await target.publisher.publish({ layers: [entries] });
      expectEqual(await scriptIn(target, image, 'cat /symbolic /hard', signal), 'deep\ndeep', 'what the links say');
    },
  },
  {
    id: 'image.separate-writes',
    group: 'image',
    clause: 'what a container writes, no other container of the image sees (cri.proto, ContainerConfig.image)',
    proves: ['ContainerConfig.image'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const image = await target.publisher.publish({ layers: [[file('shared', 'image\n')]] });
      await withPulled(target, image, async (id) => {
        await target.script('echo changed > /shared; echo new > /added; rm -r /home', signal, { image: { image: id } });
        const output = await target.script('cat /shared; ls -d /home; test ! -e /added', signal, { image: { image: id } });
        expectEqual(output, 'image\n/home', 'what the second container sees');
      });
    },
  },
];

function file(path: string, content: FileContent = ''): LayerEntry {
  return { type: 'file', path, content };
}
