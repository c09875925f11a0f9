setInterval(() => {}, 1000);
import { mkdtemp, mkdir, copyFile, symlink, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import { pino } from 'pino';
import { OciRuntime } from '@berth/shim/oci';
const d = await mkdtemp('/tmp/berth-oci-bench-'); await mkdir(d + '/root/bin', { recursive: true }); await copyFile('/tmp/tools/root/bin/busybox', d + '/root/bin/busybox'); await symlink('busybox', d + '/root/bin/sleep');
const by: Record<string, number[]> = {};
const calls = { async record(c: any, w: any) { const t = performance.now(); try { return await w(); } finally { (by['call ' + c.method] ??= []).push(performance.now() - t); } } };
const r = new OciRuntime({ binary: process.argv[2] ?? 'runc', run: d + '/run', handler: 'b', calls, log: pino({ level: 'error' }) });
const s = AbortSignal.timeout(120000); await r.prepare(s); await r.recover({ sandboxes: [], containers: [] }, s);
const time = async (n: string, w: () => Promise<unknown>) => { const t = performance.now(); await w(); (by[n] ??= []).push(performance.now() - t); };
const waits = new Map<string, () => void>();
void (async () => { for await (const e of r.events(s)) if (e.type === 'exited') waits.get(e.containerId)?.(); })().catch(() => {});
for (let i = 0; i < 40; i++) {
  const id = randomBytes(32).toString('hex'); const sb = { id: randomBytes(32).toString('hex'), config: PodSandboxConfig.fromPartial({}), directory: d + '/s', namespaces: {}, sharedPid: false, files: {} };
  const c = { id, sandbox: sb, config: ContainerConfig.fromPartial({ metadata: { name: 'x' } }), directory: `${d}/c/${id}`, rootfs: { lowers: [], upper: '', work: '', mounted: d + '/root' }, process: { args: ['sleep', '100'], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } }, mounts: [], logPath: `${d}/${id}.log`, stopSignal: 'SIGTERM' };
  const ended = new Promise<void>((ok) => waits.set(id, ok));
  await time('createContainer', () => r.createContainer(c, s)); await time('start', () => r.start(c, s));
  await time('signal KILL + exit event', async () => { await r.signal(c, 'SIGKILL', s); await ended; }); await time('removeContainer', () => r.removeContainer(c, s));
}
for (const [k, v] of Object.entries(by)) { v.sort((a, b) => a - b); console.log(k.padEnd(26), 'p50', v[v.length >> 1]!.toFixed(1), 'p90', v[Math.floor(v.length * 0.9)]!.toFixed(1)); }
await rm(d, { recursive: true }); process.exit(0);
