import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repository } from '../fixtures/tools.ts';

/** No package has a barrel, so its README is where an author learns what can be imported. */
describe.each(globSync('packages/*', { cwd: repository }))('%s', (folder) => {
  const { name, exports } = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8'));
  const paths = Object.keys(exports).map((path) => `${name}${path.slice(1)}`);

  it('its README names each path that it exports, and no other', () => {
    const readme = readFileSync(join(repository, folder, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/@berth\/[\w-]+\/[\w/-]+/g)].map(([path]) => path);
    expect(named).toEqual(expect.arrayContaining(paths));
    expect(named.filter((path) => path.startsWith(`${name}/`) && !paths.includes(path))).toEqual([]);
  });
});
