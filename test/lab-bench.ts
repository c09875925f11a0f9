import { RawProgram } from './fixtures/raw-program.ts';
import { SentryPod } from './fixtures/sentry-pod.ts';

const labels: string[] = [];
const pod = await SentryPod.start();
function timed(label: string, n: number, per: (p: RawProgram) => void) {
  labels.push(label);
  return async () => {
    const p = new RawProgram();
    const a = p.buffer(16);
    p.call('clock_gettime', 1, a);
    for (let i = 0; i < n; i++) per(p);
    const b = p.buffer(16);
    p.call('clock_gettime', 1, b);
    const { buffers } = await pod.raw(p);
    const t = (x: Buffer) => Number(x.readBigInt64LE(0)) * 1e9 + Number(x.readBigInt64LE(8));
    return (t(buffers[1]!) - t(buffers[0]!)) / n / 1000;
  };
}
const runs: (() => Promise<number>)[] = [
  timed('socket (answered at once)', 500, (p) => p.call('socket', 1, 1, 0)),
  timed('prctl (continued)', 500, (p) => p.call('prctl', 3)),
  timed('uname (answered)', 500, (p) => {
    p.call('uname', 0x10000000 + 4000 * 8);
  }),
  timed('stat /bin/busybox', 500, (p) => p.call('stat', pathOf(p, '/bin/busybox'), 0x10000000 + 7000 * 8)),
  timed('open+close /etc/passwd', 300, (p) => {
    const f = p.call('openat', -100, pathOf(p, '/etc/passwd'), 0, 0);
    p.call('close', f);
  }),
  timed('open+close /proc/self/stat', 300, (p) => {
    const f = p.call('openat', -100, pathOf(p, '/proc/self/stat'), 0, 0);
    p.call('close', f);
  }),
  timed('write (not filtered)', 500, (p) => p.call('write', -1, 0, 0)),
];
const paths = new WeakMap<RawProgram, number>();
function pathOf(p: RawProgram, s: string) {
  if (!paths.has(p)) paths.set(p, p.text(s));
  return paths.get(p)!;
}

for (const r of runs) {
  const v: number[] = [];
  for (let i = 0; i < 15; i++) v.push(await r());
  v.sort((a, b) => a - b);
  console.log(labels.shift(), 'min', v[0]!.toFixed(1), 'median', v[7]!.toFixed(1));
}
const e: number[] = [];
for (let i = 0; i < 10; i++) {
  const t = performance.now();
  await pod.run('true');
  e.push(performance.now() - t);
}
e.sort((a, b) => a - b);
console.log('exec', e[0]!.toFixed(0), e[5]!.toFixed(0));
await pod.stop();
