import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository } from '../fixtures/tools.ts';

/** Paths that start at the repository's root and name one file or folder. */
const paths = /`((?:bin|examples|packages|plugins|proto|setup|test)\/[\w./-]+)`/g;

it.each(globSync('{README.md,{packages,plugins,test}/*/README.md}', { cwd: repository }))(
  '%s names only files that are there',
  (readme) => {
    const named = [...readFileSync(join(repository, readme), 'utf8').matchAll(paths)].map(([, path]) => path ?? '');
    expect(named.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
  },
);
