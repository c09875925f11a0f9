import { describe, expect, it } from 'vitest';
import type { Gpu } from '../discovery/gpu.ts';
import { DeviceHealth } from './device-health.ts';

const rules = { ignoredXids: [13], recoverAfterMs: 1000 };
const allFiles = { has: () => true };

function gpu(index: number, more: Partial<Gpu> = {}): Gpu {
  const place = { id: `GPU-${index}`, uuid: `GPU-${index}`, index, minor: index, busId: `0000:0${index}:00.0` };
  return { ...place, model: 'X', numaNode: undefined, migEnabled: false, migDevices: [], problem: undefined, ...more };
}

function mig(gpuInstance: number, computeInstance = 0): Gpu['migDevices'][number] {
  const id = `MIG-${gpuInstance}-${computeInstance}`;
  return {
    id,
    uuid: id,
    index: 0,
    profile: '1g.5gb',
    gpuInstance,
    computeInstance,
    capabilityFiles: [`/dev/nvidia-caps/nvidia-cap${gpuInstance}`],
  };
}

function health(...gpus: Gpu[]) {
  const judge = new DeviceHealth(rules);
  const inventory = { driverVersion: undefined, gpus };
  judge.judge(inventory, allFiles, 0);
  return { judge, problemsAt: (now: number) => Object.fromEntries(judge.judge(inventory, allFiles, now).problems) };
}

describe('an error', () => {
  it('makes its GPU unhealthy until there was none for a time', () => {
    const { judge, problemsAt } = health(gpu(0), gpu(1));
    expect(judge.noteError({ xid: 79, gpu: '0000:01:00' }, 100)).toBe(true);
    expect(problemsAt(100)).toEqual({ 'GPU-1': 'it had the error XID 79, less than 1 s ago' });
    judge.noteError({ xid: 48, gpu: 'GPU-1' }, 900);
    expect(problemsAt(1899)).toEqual({ 'GPU-1': 'it had the error XID 48, less than 1 s ago' });
    expect(problemsAt(1900)).toEqual({});
  });

  it('of a program changes nothing, and neither does one of a GPU that is not here', () => {
    const { judge, problemsAt } = health(gpu(0));
    expect([judge.noteError({ xid: 13, gpu: 'GPU-0' }, 0), judge.noteError({ xid: 79, gpu: 'GPU-7' }, 0)]).toEqual([false, false]);
    expect(problemsAt(1)).toEqual({});
  });

  it('of a GPU that comes only later counts from when it was told, and then no more', () => {
    const judge = new DeviceHealth(rules);
    judge.noteError({ xid: 48, gpu: '0000:01:00' }, 0);
    judge.noteError({ xid: 79, gpu: '0000:01:00' }, 100);
    judge.noteError({ xid: 94, gpu: 'GPU-0', gpuInstance: 2 }, 100);
    const problems = (now: number, ...gpus: Gpu[]) =>
      Object.fromEntries(judge.judge({ driverVersion: undefined, gpus }, allFiles, now).problems);
    expect(problems(200, gpu(1))).toEqual({ 'GPU-1': 'it had the error XID 79, less than 1 s ago' });
    const withMig = gpu(0, { migEnabled: true, migDevices: [mig(1), mig(2)] });
    expect(Object.keys(problems(300, withMig, gpu(1)))).toEqual(['MIG-2-0', 'GPU-1']);
    expect(problems(1100, withMig, gpu(1))).toEqual({});
  });

  it('of a GPU that comes after the time of an error does not count', () => {
    const judge = new DeviceHealth(rules);
    judge.noteError({ xid: 79, gpu: 'GPU-0' }, 0);
    expect([...judge.judge({ driverVersion: undefined, gpus: [gpu(0)] }, allFiles, 1000).problems]).toEqual([]);
  });

  it('of no GPU in particular may be of any', () => {
    const { judge, problemsAt } = health(gpu(0), gpu(1));
    judge.noteError({ xid: 79, gpu: undefined }, 0);
    expect(Object.keys(problemsAt(1))).toEqual(['GPU-0', 'GPU-1']);
  });

  it.each([
    [{}, ['GPU-0', 'MIG-1-0', 'MIG-1-1', 'MIG-2-0']],
    [{ gpuInstance: 1 }, ['MIG-1-0', 'MIG-1-1']],
    [{ gpuInstance: 1, computeInstance: 1 }, ['MIG-1-1']],
    [{ gpuInstance: 9 }, []],
  ])('of the instance %o is that of %j', (instance, hit) => {
    const { judge, problemsAt } = health(gpu(0, { migEnabled: true, migDevices: [mig(1), mig(1, 1), mig(2)] }));
    judge.noteError({ xid: 94, gpu: 'GPU-0', ...instance }, 0);
    expect(Object.keys(problemsAt(1))).toEqual(hit);
  });
});

describe('a GPU', () => {
  it('that does not answer is unhealthy as long as it does not, with its MIG devices', () => {
    const judge = new DeviceHealth(rules);
    const withProblem = (problem: string | undefined) =>
      Object.fromEntries(judge.judge({ driverVersion: '1', gpus: [gpu(0, { problem, migDevices: [mig(1)] })] }, allFiles, 0).problems);
    expect(withProblem('GPU is lost')).toEqual({ 'GPU-0': 'GPU is lost', 'MIG-1-0': 'GPU is lost' });
    expect(withProblem(undefined)).toEqual({});
  });

  it.each([
    ['/dev/nvidia0', ['GPU-0', 'MIG-1-0']],
    ['/dev/nvidiactl', ['GPU-0', 'GPU-1', 'MIG-1-0']],
    ['/dev/nvidia-caps/nvidia-cap1', ['MIG-1-0']],
  ])('without %s: %j are unhealthy', (missing, ill) => {
    const { problems } = new DeviceHealth(rules).judge(
      { driverVersion: undefined, gpus: [gpu(0, { migDevices: [mig(1)] }), gpu(1)] },
      { has: (path) => path !== missing },
      0,
    );
    expect([...problems.keys()].toSorted()).toEqual(ill);
    expect(new Set(problems.values())).toEqual(new Set([`there is no device ${missing}`]));
  });

  it('that the driver tells of no longer stays, unhealthy, until it is back', () => {
    const judge = new DeviceHealth(rules);
    const look = (...gpus: Gpu[]) => {
      const { gpus: known, problems } = judge.judge({ driverVersion: undefined, gpus }, allFiles, 0);
      return known.map(({ id }) => [id, problems.get(id)]);
    };
    look(gpu(0), gpu(1));
    expect(look(gpu(1))).toEqual([
      ['GPU-0', 'the driver tells of it no longer'],
      ['GPU-1', undefined],
    ]);
    expect(look(gpu(0), gpu(1))).toEqual([
      ['GPU-0', undefined],
      ['GPU-1', undefined],
    ]);
    expect(look(gpu(0, { id: 'GPU-new' }), gpu(1)).map(([id]) => id)).toEqual(['GPU-new', 'GPU-1']);
  });

  it('whose MIG devices are others has only those', () => {
    const judge = new DeviceHealth(rules);
    const look = (...migDevices: Gpu['migDevices'][number][]) =>
      judge
        .judge({ driverVersion: undefined, gpus: [gpu(0, { migDevices })] }, allFiles, 0)
        .gpus.flatMap(({ migDevices: there }) => there.map(({ id }) => id));
    look(mig(1), mig(2));
    expect(look(mig(3))).toEqual(['MIG-3-0']);
  });
});
