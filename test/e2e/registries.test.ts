import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome, exampleImage } from '../fixtures/berth.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';
import { htpasswd, missingRegistry, startRegistry, type TestRegistry } from '../fixtures/registry.ts';

const missing = missingRegistry() ?? (process.getuid?.() === 0 ? undefined : 'unpacking needs root');

describe.skipIf(missing)(`images of a registry${missing ? ` (${missing})` : ''}`, () => {
  let certsDirectory: string;
  let home: BerthHome;
  let registry: TestRegistry;
  let digest: string;

  beforeEach(async () => {
    certsDirectory = mkdtempSync(join(tmpdir(), 'berth-certs-'));
    home = new BerthHome({ registry: { configPath: certsDirectory } });
    registry = await startRegistry();
    digest = await registry.push(exampleImage, 'team/busybox', '1');
  });
  afterEach(async () => {
    await registry.stop();
    home.remove();
    rmSync(certsDirectory, { recursive: true });
  });

  const configure = (name: string, text: string) => {
    mkdirSync(join(certsDirectory, name));
    writeFileSync(join(certsDirectory, name, 'hosts.toml'), text);
  };

  it('are pulled and pushed by "berth image" with the credentials that it is given', async () => {
    const path = home.write('htpasswd', htpasswd);
    const secured = await startRegistry({ storage: registry.storage, auth: { htpasswd: { realm: 'test', path } } });
    const name = `${secured.host}/team/busybox:1`;
    const authfile = home.write('auth.json', JSON.stringify({ auths: { [secured.host]: { auth: btoa('berth:secret') } } }));
    try {
      const refused = await home.berth('image', 'pull', '--creds', 'berth:wrong-secret', name);
      expect(refused).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(`registry ${secured.host}: answered 401`) });
      expect(refused.stderr).not.toContain('wrong-secret');
      const pulled = await home.start(['image', 'pull', '--creds', 'berth', name], { input: 'secret\n' }).ended;
      expect(pulled).toMatchObject({ status: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) });
      expect(await home.berth('image', 'push', '--authfile', authfile, name)).toMatchObject({ status: 0, stdout: `${digest}\n` });
    } finally {
      await secured.stop();
    }
  });

  it("are a pod's, by the mirrors of the node", async (context) => {
    skipIfMissing(nodeMissing)(context);
    configure('registry.invalid', `server = "http://${registry.host}"\n[host."http://127.0.0.1:1"]\n`);
    const image = `registry.invalid/team/busybox@${digest}`;
    const spec = `{restartPolicy: Never, containers: [{name: main, image: "${image}", command: [echo, "from the mirror"]}]}`;
    const file = home.write('pod.yaml', `apiVersion: v1\nkind: Pod\nmetadata: {name: mirrored}\nspec: ${spec}\n`);
    expect(await home.berth('run', '--once', '-f', file)).toMatchObject({ status: 0, stdout: expect.stringContaining('from the mirror') });
  });
});
