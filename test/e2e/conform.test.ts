import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '@berth/conformance/suite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BerthHome } from '../fixtures/berth.ts';
import { readHostState } from '../fixtures/host-state.ts';
import { nodeMissing } from '../fixtures/node-requirements.ts';

describe('berth conform cri', () => {
  let home: BerthHome;
  beforeEach(() => {
    home = new BerthHome();
  });
  afterEach(() => home.remove());

  const conform = (...args: string[]) => home.berth('conform', 'cri', ...args);

  it('judges the fake runtime, which it starts and ends, and says with 0 that nothing failed', async () => {
    const report = join(home.directory, 'report.json');
    const focus = '^(sandbox\\.(run|stop-twice|list-filter)|pod\\.hostname|image\\.status-absent)$';
    const { status, stdout } = await conform(
      '--start',
      'fake',
      '--without',
      'processes,images,network',
      '--focus',
      focus,
      '--report',
      `json=${report}`,
    );
    expect(stdout).toContain('4 passed, 0 failed, 1 skipped');
    expect(status).toBe(0);
    const { suite, summary, cases } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    expect(suite).toBe('cri');
    expect(summary).toMatchObject({ passed: 4, failed: 0, skipped: 1, rpcsTotal: 41 });
    expect(cases.find(({ id }) => id === 'pod.hostname')).toMatchObject({ result: 'skipped', reason: 'left out by --without processes' });
  });

  it('exits with 1 when a case fails', async () => {
    const { status, stdout } = await conform('--start', 'fake', '--focus', '^exec-sync\\.result$');
    expect(stdout).toMatch(/failed:\n {2}exec-sync\.result: /);
    expect(status).toBe(1);
  });

  it('ends what runs on Ctrl-C, and still writes its reports: what was not judged is skipped', async () => {
    const report = join(home.directory, 'report.json');
    const running = home.start([
      'conform',
      'cri',
      '--start',
      'fake',
      '--without',
      'processes,images,network',
      '--report',
      `json=${report}`,
    ]);
    await running.says(/✓ sandbox\.run /);
    const { status } = await running.interrupt();
    expect(status).toBe(130);
    const { summary, cases } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    expect(summary.failed).toBe(0);
    expect(cases.find(({ id }) => id === 'restart.lists-the-same')).toMatchObject({
      result: 'skipped',
      reason: 'the run was interrupted',
    });
  });

  it('skips the cases whose image is not mapped', async () => {
    const images = home.write('images.yaml', 'spare: registry.example/spare:1\n');
    const { status, stdout } = await conform('--start', 'fake', '--images', images, '--focus', '^(filter\\.none|runtime\\.version)$');
    expect(stdout).toMatch(/skipped:\n {2}no image shell is mapped: filter\.none/);
    expect(stdout).toContain('1 passed, 0 failed, 1 skipped');
    expect(status).toBe(0);
  });

  it('leaves the host as it was after a run on runc, crashes of it included', async ({ skip }) => {
    const missing = nodeMissing();
    if (missing !== undefined) skip(missing);
    const before = readHostState();
    const { status, stdout } = await conform('--start', 'runc', '--focus', '^(restart\\.keeps-running|container\\.log-format)$');
    expect(stdout).toContain('2 passed, 0 failed, 0 skipped');
    expect(status).toBe(0);
    expect(readHostState()).toEqual(before);
  });

  it('lists the cases and what each proves', async () => {
    const { status, stdout } = await conform('--list', '--focus', '^sandbox\\.stop');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^CASE +CLAUSE\nsandbox\.stop-twice +StopPodSandbox is idempotent/);
  });
});

/** Each is a process of its own, which is not to get as far as a server. */
describe('berth conform cri refuses', () => {
  let home: BerthHome;
  beforeAll(() => {
    home = new BerthHome();
  });
  afterAll(() => home.remove());

  it.concurrent.for<[args: string[], message: string]>([
    [[], 'either --runtime-endpoint or --start is needed'],
    [['--start', 'runc', '--runtime-endpoint', 'unix:///x.sock'], 'either --runtime-endpoint or --start is needed'],
    [['--start', 'nothing'], 'no runtime has this handler'],
    [['--start', 'fake', '--focus', '^nothing$'], 'no case is left to be run'],
    [['--start', 'fake', '--focus', '('], 'has to be a regular expression'],
    [['--start', 'fake', '--report', 'pdf=x'], 'FORMAT=FILE'],
    [['--start', 'fake', '--report', 'html=/no/such/directory/report.html'], 'report /no/such/directory/report.html: '],
    [['--start', 'fake', '--report', 'tap=/tmp'], 'it is a directory'],
    [['--start', 'fake', '--without', 'moon'], 'moon is none of processes'],
    [['--start', 'fake', '--images', '/no/such/file'], '/no/such/file'],
    [['--runtime-endpoint', 'unix:///no/such.sock', '--images', '/dev/null'], '/dev/null'],
  ])('%j', async ([args, message], { expect }) => {
    const { status, stdout, stderr } = await home.berth('conform', 'cri', ...args);
    expect(stderr).toContain(message);
    expect(stdout, 'it judged before it refused').toBe('');
    expect(status).toBe(1);
  });
});
