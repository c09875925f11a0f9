import { expect, it } from 'vitest';
import { runtimeOf } from './runtime-option.mjs';

it.each([
  [['--once'], undefined],
  [['--runtime', 'fake', '--once'], 'fake'],
  [['--runtime=fake'], 'fake'],
  [['--runtime', 'runc', '--runtime', 'fake'], 'fake'],
  [['--runtime'], undefined],
])('the options %j choose the runtime %j', (options, runtime) => {
  expect(runtimeOf(options)).toBe(runtime);
});
