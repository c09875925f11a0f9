import { join } from 'node:path';
import { NamedImages } from '../src/image/named.ts';
import { runtimeMain } from '../src/main.ts';
import type { RuntimeFeatures } from '../src/runtime.ts';
import { type Fault, ProcessHost, ProcessRuntime } from './process-runtime.ts';

/** Images that are names, of which each has one empty layer. */
class OneLayerImages extends NamedImages {
  readonly #layer: string;

  constructor(directory: string, layer: string) {
    super(directory);
    this.#layer = layer;
  }

  override async use(reference: string, user: string) {
    return { ...(await super.use(reference, user)), layers: [this.#layer] };
  }
}

const { BERTH_TEST_FEATURES = '{}', BERTH_TEST_FAULT, BERTH_TEST_LAYER = '' } = process.env;
const host = new ProcessHost();
if (BERTH_TEST_FAULT) {
  const [method, fault] = BERTH_TEST_FAULT.split(':') as ['createSandbox', Fault];
  host.faults.set(method, fault);
  host.reached.once(method, () => process.stdout.write('reached\n'));
}
await runtimeMain({
  handler: 'process',
  runtime: () => new ProcessRuntime(host, JSON.parse(BERTH_TEST_FEATURES) as Partial<RuntimeFeatures>),
  images: ({ options }) => new OneLayerImages(join(options.root, 'images'), BERTH_TEST_LAYER),
});
host.dispose();
