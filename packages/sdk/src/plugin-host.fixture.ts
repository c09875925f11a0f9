import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type Client, type ConnectOptions, connect } from './connect.ts';
import type { PluginError } from './errors.ts';
import { RuntimeServiceService } from './gen/cri.ts';
import { type Implementation, type Served, serve } from './serve.ts';

export type Runtime = Implementation<RuntimeServiceService>;

/** A directory of a test's own, plugins that are served in it and clients of theirs; all gone after the test. */
export interface PluginHost {
  readonly directory: string;
  /** Where plugins are served that name no other address. */
  readonly address: string;
  plugin(implementation: Runtime, at?: string): Promise<Served>;
  client(options?: ConnectOptions, at?: string): Client<RuntimeServiceService>;
  /** Undone in reverse order. */
  atEnd(step: () => unknown): void;
}

/** Makes the host anew for each test of the file that calls it. */
export function pluginHost(): PluginHost {
  let directory = '';
  let steps: (() => unknown)[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-sdk-'));
    steps = [() => rm(directory, { recursive: true, force: true })];
  });
  afterEach(async () => {
    for (const step of steps.reverse()) await step();
  });
  const address = () => `unix://${directory}/plugin.sock`;
  return {
    get directory() {
      return directory;
    },
    get address() {
      return address();
    },
    async plugin(implementation, at = address()) {
      const served = await serve(at, [[RuntimeServiceService, implementation]]);
      steps.push(() => served.close(0));
      return served;
    },
    client(options, at = address()) {
      const client = connect(RuntimeServiceService, at, options);
      steps.push(() => client.close());
      return client;
    },
    atEnd(step) {
      steps.push(step);
    },
  };
}

/** What a call that must fail failed with. */
export function failureOf(call: Promise<unknown>): Promise<PluginError> {
  return call.then(
    (response) => {
      throw new Error(`expected a failure, got ${JSON.stringify(response)}`);
    },
    (thrown) => thrown,
  );
}
