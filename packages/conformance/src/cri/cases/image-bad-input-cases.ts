import { expectRefused, unlessRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { ownImages } from '../needs.ts';
import type { CriTarget } from '../target.ts';

const hex = 'a'.repeat(64);
const answerMs = 10_000;

/** Names that no image can have, and requests without one. */
export const imageBadInputCases: Case<CriTarget>[] = [
  ...[
    {
      id: 'control-characters',
      what: 'control characters',
      names: ['x\0y', 'x\ny', 'x\u001b[2Jy', 'x\u007fy', 'x:1\t', '\r\nHost: other'],
    },
    { id: 'overlong-names', what: '10,000 characters', names: ['x'.repeat(10_000), `x:${'1'.repeat(10_000)}`, `${'x/'.repeat(5000)}x`] },
    {
      id: 'schemes',
      what: 'a scheme',
      names: ['http://HOST/x:1', 'https://HOST/x', 'docker://HOST/x:1', 'oci:/tmp/x', 'file:///etc/passwd'],
    },
    { id: 'capital-letters', what: 'capital letters in the repository', names: ['HOST/Case/x:1', 'HOST/x/Y'] },
    {
      id: 'malformed-digests',
      what: 'a malformed digest',
      names: [
        '@',
        '@sha256',
        '@sha256:',
        `@sha256:${hex.slice(1)}`,
        `@sha256:${'z'.repeat(64)}`,
        `@:${hex}`,
        `@${hex}`,
        `@sha256:${hex}@sha256:${hex}`,
      ].map((digest) => `HOST/x${digest}`),
    },
    {
      id: 'malformed-tags',
      what: 'a malformed tag',
      names: ['HOST/x:', 'HOST/x:-1', 'HOST/x:a b', `HOST/x:${'t'.repeat(129)}`, 'HOST/x:1:2'],
    },
    {
      id: 'odd-paths',
      what: '"..", empty or odd parts in the path',
      names: ['HOST/../x:1', 'HOST//x:1', 'HOST/x/:1', 'HOST/-x:1', 'HOST/x%2fy:1', 'HOST/:1'],
    },
  ].map(
    ({ id, what, names }): Case<CriTarget> => ({
      id: `image.${id}`,
      group: 'image',
      clause: `a name with ${what} is refused by PullImage; no call about it hangs (distribution/reference, grammar; cri.proto, ImageSpec)`,
      proves: ['PullImage', 'ImageStatus', 'RemoveImage', 'ImageSpec.image'],
      needs: [ownImages],
      async run(target) {
        for (const name of names) {
          const image = { image: name.replace('HOST', target.publisher.host) };
          const shown = JSON.stringify(name.slice(0, 60));
          await expectRefused(target.client.PullImage({ image }, { deadlineMs: answerMs }), `PullImage of ${shown}`);
          // Not to know it is an answer as good as to refuse it.
          await unlessRefused(target.client.ImageStatus({ image }, { deadlineMs: answerMs }));
          await unlessRefused(target.client.RemoveImage({ image }, { deadlineMs: answerMs }));
          await unlessRefused(target.client.ListImages({ filter: { image } }, { deadlineMs: answerMs }));
        }
        await target.alive();
      },
    }),
  ),
  {
    id: 'image.no-name',
    group: 'image',
    clause: 'requests without an image, or with an empty name, get an answer; nothing is pulled or removed by them (cri.proto, ImageSpec)',
    proves: ['PullImage', 'ImageStatus', 'RemoveImage'],
    async run(target) {
      const { client } = target;
      await target.image('shell');
      for (const request of [{}, { image: { image: '' } }, { image: { image: ' ' } }]) {
        await expectRefused(client.PullImage(request, { deadlineMs: answerMs }), `PullImage of ${JSON.stringify(request)}`);
        await unlessRefused(client.ImageStatus(request, { deadlineMs: answerMs }));
        await unlessRefused(client.RemoveImage(request, { deadlineMs: answerMs }));
      }
      const { image } = await client.ImageStatus({ image: { image: target.reference('shell') } });
      if (!image) throw new Error('an image was removed by a request without a name');
    },
  },
];
