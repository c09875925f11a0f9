import { join } from 'node:path';
import { NamedImages } from '@berth/shim/image/named';
import { runtimeMain } from '@berth/shim/main';
import { FakeRuntime } from './fake-runtime.ts';
import { simulatePull } from './simulate-pull.ts';

await runtimeMain({
  handler: 'fake',
  runtime: () => new FakeRuntime(),
  images: ({ options }) => new NamedImages(join(options.root, 'runtimes', options.handler, 'images'), { delay: simulatePull }),
});
