import { expect, it } from 'vitest';
import { parseProcessState } from './filtered-process.ts';

const metadata = { containerId: 'c', hostname: 'h', memoryLimit: 0 };
const state = { ociVersion: '1.0.2', fds: ['other', 'seccompFd'], pid: 5, metadata: JSON.stringify(metadata), state: {} };

it('finds the notification descriptor by its name, and what was passed on', () => {
  expect(parseProcessState(JSON.stringify(state), [7, 8])).toEqual({ descriptor: 8, pid: 5, metadata });
});

it.each([
  ['no descriptor came', state, [7]],
  ['none is named so', { ...state, fds: ['other'] }, [7, 8]],
  ['there is no pid', { ...state, pid: undefined }, [7, 8]],
  ['nothing was passed on', { ...state, metadata: undefined }, [7, 8]],
])('refuses a state where %s', (_, given, descriptors) => {
  expect(() => parseProcessState(JSON.stringify(given), descriptors)).toThrow('no container process state with a seccompFd');
});
