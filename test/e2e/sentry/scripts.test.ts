import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nodeMissing, skipIfMissing } from '../../fixtures/node-requirements.ts';
import { SentryPod } from '../../fixtures/sentry-pod.ts';

describe('under the Sentry', () => {
  let pod: SentryPod;

  beforeAll(async () => {
    if (nodeMissing() === undefined) pod = await SentryPod.start();
  });
  beforeEach(skipIfMissing(nodeMissing));
  afterAll(() => pod?.stop());

  /** Runs a script and expects what it prints; nothing else, and no failure. */
  async function expectPrinted(script: string, stdout: string): Promise<void> {
    expect(await pod.script(script)).toEqual({ stdout, stderr: '', exitCode: 0 });
  }

  it('uname tells of the Sentry, and of the pod', () => expectPrinted('uname -snrm', 'Linux under-sentry 6.1.0-berth-sentry x86_64\n'));

  it('loops, functions, substitutions and arithmetic of sh run', () =>
    expectPrinted('f() { echo "$1:$(( $2 * 2 ))"; }; for i in 1 2 3; do f "$(echo n$i)" $i; done', 'n1:2\nn2:4\nn3:6\n'));

  it('pipes carry data through several processes: sort, uniq', () =>
    expectPrinted('printf "b\\na\\nb\\nc\\na\\nb\\n" | sort | uniq -c | sort -rn | tr -s " "', ' 3 b\n 2 a\n 1 c\n'));

  it('ls -lR lists a tree with types, modes and sizes', async () => {
    const { stdout, exitCode } = await pod.script(
      'mkdir -p /t/a/b && echo data > /t/a/file && chmod 640 /t/a/file && ln -s file /t/a/link && ls -lR /t && rm -r /t',
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\/t:\n/);
    expect(stdout).toMatch(/^-rw-r-----\s+1 root\s+root\s+5 .* file$/m);
    expect(stdout).toMatch(/^lrwxrwxrwx .* link -> file$/m);
    expect(stdout).toMatch(/^\/t\/a\/b:\ntotal 0$/m);
  });

  it('ls -lR lists the whole container, /proc and /dev included', async () => {
    const { stdout, exitCode } = await pod.script('ls -lR / 2>/dev/null; echo done');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\/proc\/1:$/m);
    expect(stdout).toMatch(/crw-rw-rw- .* null$/m);
    expect(stdout).toMatch(/done\n$/);
  });

  it('grep searches files and trees', async () => {
    await expectPrinted('grep -c root /etc/passwd', '1\n');
    await expectPrinted('mkdir /g; echo needle > /g/one; echo hay > /g/two; grep -rl needle /g; rm -r /g', '/g/one\n');
  });

  it('sleep sleeps', async () => {
    const before = performance.now();
    await expectPrinted('sleep 0.5', '');
    expect(performance.now() - before).toBeGreaterThan(500);
  });

  it('files are made, appended, copied, moved, linked, cut and removed', () =>
    expectPrinted(
      `cd /tmp && echo one > f && echo two >> f && cp f g && mv g h && ln h i && truncate -s 3 i && cat f h && stat -c '%h %s' i
       rm f h i && ls | wc -l`,
      'one\ntwo\none2 3\n0\n',
    ));

  it('relative paths, .. and symbolic links lead where they should', () =>
    expectPrinted(
      `mkdir -p /w/a/b /w/c; echo here > /w/c/f; ln -s ../../c /w/a/b/up; ln -s /w/c /w/abs; cd /w/a/b
       cat up/f ../../c/f ../../abs/f /w/a/b/../../c/f; cd up && pwd -P; rm -r /w`,
      'here\nhere\nhere\nhere\n/w/c\n',
    ));

  it('a volume of the host is read and written', async () => {
    writeFileSync(join(pod.volume, 'from-host'), 'hello\n');
    await expectPrinted('cat /volume/from-host; cd /volume && echo back > to-host && cat ../volume/to-host', 'hello\nback\n');
  });

  it('the umask applies to new files and directories', () =>
    expectPrinted('cd /tmp; umask 027; touch f; mkdir d; stat -c %a f d; rm -r f d', '640\n750\n'));

  it('signals are caught and sent', () =>
    expectPrinted('trap "echo caught" USR1; kill -USR1 $$; sleep 30 & kill $!; wait $! 2>/dev/null; echo $?', 'caught\n143\n'));

  it('children that end interrupt no call of their parent', () =>
    expectPrinted(
      'i=0; while [ $i -lt 300 ]; do (exit 0) & : > /tmp/$((i % 3)); [ -f /tmp/0 ]; cd /tmp; i=$((i+1)); done; wait; rm /tmp/*; echo $i',
      '300\n',
    ));

  it('a named pipe joins two processes, whichever comes first', () =>
    expectPrinted('mkfifo /p; cat /p & sleep 0.1; echo one > /p; wait; (sleep 0.1; echo two > /p) & cat /p; wait; rm /p', 'one\ntwo\n'));

  it('exit codes of programs, pipes and missing commands are right', () =>
    expectPrinted(
      'false; echo $?; (exit 7); echo $?; /nowhere 2>/dev/null; echo $?; echo x > /d; chmod 644 /d; /d 2>/dev/null; echo $?; rm /d',
      '1\n7\n127\n126\n',
    ));

  it('a script with an interpreter line is executed', () =>
    expectPrinted('printf "#!/bin/sh\\necho script \\$1\\n" > /s; chmod 755 /s; cd / && ./s arg; rm /s', 'script arg\n'));

  it('/proc shows the own processes, and a system that is the Sentry', async () => {
    await expectPrinted('tr "\\0" " " < /proc/1/cmdline', 'sleep 1000 ');
    await expectPrinted('grep -E "^(Name|Pid)" /proc/1/status; cut -d " " -f 1,2 /proc/1/stat', 'Name:\tsleep\nPid:\t1\n1 (sleep)\n');
    await expectPrinted(
      'readlink /proc/self/exe; readlink /proc/1/cwd; cat /proc/sys/kernel/osrelease',
      '/bin/busybox\n/\n6.1.0-berth-sentry\n',
    );
    await expectPrinted(
      'head -n 1 /proc/mounts; cut -c 1-13 /proc/version; wc -w < /proc/uptime',
      'none / overlay rw 0 0\nLinux version\n2\n',
    );
    await expectPrinted(
      'ls -d /proc/1/. /proc/self/; for f in version/ 1/stat/. no/; do cat /proc/$f 2>&1 || true; done',
      `/proc/1/.
/proc/self/
cat: can't open '/proc/version/': Not a directory
cat: can't open '/proc/1/stat/.': Not a directory
cat: can't open '/proc/no/': No such file or directory
`,
    );
    expect((await pod.script('ps -o pid,args')).stdout).toMatch(/^\s+1 sleep 1000$/m);
    expect((await pod.script('ls /proc/self/fd')).stdout).toMatch(/^0\n1\n2\n/);
  });

  it('standard streams can be opened by their names', async () => {
    expect(await pod.script('echo out > /dev/stdout; echo err > /dev/stderr; cat < /dev/null')).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      exitCode: 0,
    });
  });

  it('who is not root has no rights to what is root’s', async () => {
    const { stdout, stderr } = await pod.script(
      `mkdir -m 700 /r; echo secret > /r/s; mkdir -m 1777 /u
       su -s /bin/sh nobody -c 'cat /r/s; touch /x; touch /u/mine; ln /u/mine /u/also; stat -c "%u %h" /u/mine; cat /proc/1/environ | wc -c; ls /proc/1/fd'; rm -r /r /u`,
    );
    expect(stdout).toBe('65534 2\n0\n');
    expect(stderr).toMatch(/\/r\/s.*Permission denied/);
    expect(stderr).toMatch(/\/x.*Permission denied/);
    expect(stderr).toMatch(/\/proc\/1\/environ.*Permission denied/);
    expect(stderr).toMatch(/\/proc\/1\/fd.*Permission denied/);
  });

  it('the network is not there', async () => {
    const { stderr, exitCode } = await pod.script('wget -q -O - http://127.0.0.1/');
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/not supported/);
  });
});
