import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { program } from '../program.ts';
import { type Candidate, candidates } from './candidates.ts';
import { readTyped, words } from './typed-line.ts';

/** The names offered at the end of `berth LINE`; a value that only a node knows is offered as its placeholder, after a `?`. */
async function offered(line: string): Promise<string[] | 'files'> {
  const typed = readTyped(await program(), words(line));
  const found = await candidates(typed, async (placeholder) => [`${typed.word}?${placeholder}`]);
  return found === 'files' ? found : found.map(({ name }: Candidate) => name);
}

describe('candidates', () => {
  it.each([
    ['di', ['diff']],
    ['image pu', ['pull', 'push']],
    ['--root /r image l', ['ls', 'load']],
    ['-', expect.arrayContaining(['--root', '--log-level'])],
    ['run --on', ['--once']],
    ['image ls --o', ['--output']],
    ['ps -o ', ['table', 'wide', 'json', 'yaml']],
    ['--log-level d', ['debug']],
    ['completion f', ['fish']],
    ['cni ', ['validate', 'add', 'del', 'check', 'gc', 'status', 'help']],
    ['cni add ', ['?network']],
    ['cni del net ', ['?netns']],
    ['cni add --cap', ['--cap-args']],
    ['mock', ['mock-kubelet']],
    ['mock-kubelet --kub', ['--kubelet-root']],
    ['mock-kubelet -o ', ['text', 'json']],
    ['run --runtime ', ['?handler']],
    ['runtime r', ['r?handler']],
    ['diff --handlers runc,', ['runc,?handlers']],
    ['logs ', ['?pod']],
    ['logs -f ', ['?pod']],
    ['trace s', ['s?pod']],
    ['explain s', ['s?pod']],
    ['explain web -o ', ['text', 'json', 'yaml']],
    ['logs web -c ', ['?container']],
    ['exec -c main ', ['?pod']],
    ['exec -it w', ['w?pod']],
    ['exec web -c m', ['m?container']],
    ['attach ', ['?pod']],
    ['attach -it web --container ', ['?container']],
    ['attach --s', ['--stdin']],
    ['attach -n ', ['?namespace']],
    ['port-forward ', ['?pod']],
    ['port-forward -n kube w', ['w?pod']],
    ['port-forward web ', ['?ports']],
    ['port-forward web 8080:80 4', ['4?ports']],
    ['logs -n ', ['?namespace']],
    ['image rm a b', ['b?image']],
    ['image commit web', ['web?pod/container']],
    ['ps ', []],
    ['nosuch x', []],
  ])('berth %s', async (line, names) => {
    expect(await offered(line)).toEqual(names);
  });

  it.each(['run -f ', 'run -f a.yaml b', 'run --image x', '--node-config ', '--root /va', 'image load ', 'schedule --nodes '])(
    'leaves the files of berth %s to the shell',
    async (line) => {
      expect(await offered(line)).toBe('files');
    },
  );

  it('says what commands and options do', async () => {
    const found = await candidates(readTyped(await program(), ['ps', '--out']), async () => []);
    expect(found).toEqual([{ name: '--output', description: 'how to print it' }]);
  });

  it('does not offer what is for the shell alone', async () => {
    expect(await offered('completion')).toEqual(['completion']);
  });
});

describe('words', () => {
  it.each([
    ['', ['']],
    ['run ', ['run', '']],
    [`run  -f "a b" 'c d' e\\ f`, ['run', '-f', 'a b', 'c d', 'e f']],
    [`run -f "a b`, ['run', '-f', 'a b']],
    ['run a\\ ', ['run', 'a ']],
  ])('of %j', (line, expected) => {
    expect(words(line)).toEqual(expected);
  });
});

describe('readTyped', () => {
  it('knows the values of options before the word, those of the outer commands too', async () => {
    expect(readTyped(await program(), ['--run', '/n', 'logs', '--namespace=x', 'web', '-c', 'm'])).toMatchObject({
      options: { run: '/n', namespace: 'x' },
      positionals: ['web'],
      word: 'm',
    });
  });
});
