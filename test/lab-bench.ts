import { SentryPod } from './fixtures/sentry-pod.ts';
import { RawProgram } from './fixtures/raw-program.ts';
const pod = await SentryPod.start();
function timed(label: string, n: number, per: (p: RawProgram) => void) {
  return async () => {
    const p = new RawProgram();
    const a = p.buffer(16);
    p.call('clock_gettime', 1, a);
    for (let i = 0; i < n; i++) per(p);
    const b = p.buffer(16);
    p.call('clock_gettime', 1, b);
    const { buffers } = await pod.raw(p);
    const t = (x: Buffer) => Number(x.readBigInt64LE(0)) * 1e9 + Number(x.readBigInt64LE(8));
    console.log(label, ((t(buffers[1]!) - t(buffers[0]!)) / n / 1000).toFixed(1), 'us');
  };
}
const runs = [
  timed('getppid (continued)', 8000, (p) => p.call('getppid')),
  timed('uname (answered)', 4000, (() => { let u = 0; return (p: RawProgram) => { u ||= p.buffer(400); p.call('uname', 0x10000000 + 8 * 8192 + 16); }; })()),
  timed('stat /bin/busybox', 4000, (p) => p.call('stat', pathOf(p, '/bin/busybox'), 0x10000000 + 7000 * 8)),
  timed('open+close /etc/passwd', 2000, (p) => { const f = p.call('openat', -100, pathOf(p, '/etc/passwd'), 0, 0); p.call('close', f); }),
  timed('open+close /proc/self/stat', 2000, (p) => { const f = p.call('openat', -100, pathOf(p, '/proc/self/stat'), 0, 0); p.call('close', f); }),
  timed('write (not filtered)', 4000, (p) => p.call('write', -1, 0, 0)),
];
const paths = new WeakMap<RawProgram, number>();
function pathOf(p: RawProgram, s: string) { if (!paths.has(p)) paths.set(p, p.text(s)); return paths.get(p)!; }
for (const r of runs) for (let i = 0; i < 3; i++) await r();
for (let i = 0; i < 3; i++) { const t = performance.now(); await pod.run('true'); console.log('exec true', Math.round(performance.now() - t), 'ms'); }
const t = performance.now(); await pod.script('i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done'); console.log('100 forks+execs', Math.round(performance.now() - t), 'ms');
await pod.stop();
