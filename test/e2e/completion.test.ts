import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome } from '../fixtures/berth.ts';
import { repository } from '../fixtures/tools.ts';

const berth = join(repository, 'bin/berth');
const pod = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: server, image: "a:1", ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]}, {name: helper, image: "a:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: other}
spec: {containers: [{name: alone, image: "a:1"}]}
`;

let home: BerthHome;

beforeEach(() => {
  home = new BerthHome();
});

afterEach(() => home.remove());

const script = spawnSync(berth, ['completion', 'bash'], { encoding: 'utf8' }).stdout;

/** What a bash without bash-completion, and without berth on PATH, offers at the end of `line` after the script was sourced, twice. */
function bash(line: string): { offered: string[]; stderr: string } {
  const program = `
    source <(printf '%s' "$1")
    source <(printf '%s' "$1")
    COMP_LINE="$2" COMP_POINT=\${#2}
    read -ra COMP_WORDS <<< "$2"
    [[ "$2" == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _berth_completion
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { HOME: home.directory, PATH: '/usr/bin:/bin' };
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', program, 'bash', script, line], { encoding: 'utf8', env });
  return { offered: stdout.split('\n').filter(Boolean), stderr };
}

describe('berth completion bash', () => {
  it('offers commands, options and handlers of berth.yaml', () => {
    expect(bash('berth di')).toEqual({ offered: ['diff'], stderr: '' });
    expect(bash('bin/berth run --onc')).toEqual({ offered: ['--once'], stderr: '' });
    home.configure({ runtimes: [{ handler: 'mine', endpoint: 'unix:///m.sock' }] });
    expect(bash(`berth --node-config ${join(home.directory, 'berth.yaml')} run --runtime `).offered).toEqual(['mine']);
  });

  it('leaves the names of files to the shell', () => {
    expect(bash('berth run -f ').offered).toEqual([]);
    const told = spawnSync('bash', ['--norc', '-c', 'source <("$1" completion bash); complete -p berth', 'bash', berth], {
      encoding: 'utf8',
    });
    expect(told.stdout).toContain('-o default');
  });

  it('offers pods and containers of the running node', async () => {
    const file = home.write('web.yaml', pod);
    const node = home.start(['run', '--runtime', 'fake', '-f', file]);
    await node.says(/the node goes on/);
    expect(bash(`berth --run ${home.run} logs w`)).toEqual({ offered: ['web'], stderr: '' });
    expect(bash(`berth --run ${home.run} exec web -c `).offered).toEqual(['server', 'helper']);
    expect(bash(`berth --run ${home.run} attach w`).offered).toEqual(['web']);
    expect(bash(`berth --run ${home.run} attach other/web -c `).offered).toEqual(['alone']);
    expect(bash(`berth --run ${home.run} attach -n other web -c `).offered).toEqual(['alone']);
    expect(bash(`berth --run ${home.run} port-forward w`).offered).toEqual(['web']);
    expect(bash(`berth --run ${home.run} port-forward web `).offered).toEqual(['80']);
    await node.interrupt();
    expect(bash(`berth --run ${home.run} logs w`)).toEqual({ offered: [], stderr: '' });
  });
});
