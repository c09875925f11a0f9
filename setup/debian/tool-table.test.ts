import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { tools as checked } from '../../packages/cli/src/doctor/tools.ts';
import { tools as provided } from './tool-table.mjs';

const version = (minimum: string | undefined) => (minimum === undefined ? undefined : semver.coerce(minimum)?.version);

describe('the tools of a node', () => {
  it('are the same for set-up, which provides them, and for berth doctor, which checks them', () => {
    // busybox is what set-up makes the examples' image from: the node itself doesn't execute it.
    const ofNode = provided.filter((tool) => tool.neededBy === 'node' && tool.name !== 'busybox');
    expect(checked.map((tool) => [tool.name, version(tool.minimum)]).sort()).toEqual(
      ofNode.map((tool) => [tool.name, version(tool.minimum)]).sort(),
    );
  });
});
