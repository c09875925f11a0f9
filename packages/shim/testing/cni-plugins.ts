import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A CNI configuration of one network, and its plugin as an executable: `testnet` gives 10.88.0.7, notes each execution in
 * `calls`, prints the file `say` on standard error, fails while a file `fail-VERB` stands beside it, and never ends while `hang-VERB` does.
 */
export async function writeCniPlugins(directory: string): Promise<{ confDir: string; binDir: string }> {
  const confDir = join(directory, 'net.d');
  const binDir = join(directory, 'bin');
  await mkdir(confDir, { recursive: true });
  await mkdir(binDir, { recursive: true });
  const plugins = [{ type: 'testnet', capabilities: { portMappings: true, ipRanges: true } }];
  await writeFile(join(confDir, '10-test.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'test', plugins }));
  await writeFile(join(binDir, 'testnet'), testnet);
  await chmod(join(binDir, 'testnet'), 0o755);
  return { confDir, binDir };
}

const testnet = `#!/bin/sh
here=$(dirname "$0")
config=$(cat)
echo "$CNI_COMMAND $CNI_IFNAME netns=$CNI_NETNS $CNI_ARGS $config" >> "$here/calls"
[ -e "$here/say" ] && cat "$here/say" >&2
if [ -e "$here/fail-$CNI_COMMAND" ]; then
  echo '{"cniVersion":"1.0.0","code":100,"msg":"told to fail"}'
  exit 1
fi
[ -e "$here/hang-$CNI_COMMAND" ] && exec sleep 1000
[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.0.0","ips":[{"address":"10.88.0.7/16"},{"address":"fd00::7/64"}]}'
exit 0
`;
