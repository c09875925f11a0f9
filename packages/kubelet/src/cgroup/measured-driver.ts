import type { Histogram } from 'prom-client';
import type { CgroupDriver } from './cgroup-driver.ts';

/** The same driver, whose changes are measured by `operation_type`: `create`, `update`, `destroy` (kubelet/cm: cgroupManagerImpl). */
export function measuredDriver(driver: CgroupDriver, duration: Histogram): CgroupDriver {
  const measure = async (operation: string, change: Promise<void>) => {
    const ended = duration.startTimer({ operation_type: operation });
    await change.finally(ended);
  };
  return {
    pathOf: (name) => driver.pathOf(name),
    apply: async (name, values, signal) => measure((await driver.has(name)) ? 'update' : 'create', driver.apply(name, values, signal)),
    remove: (name, signal) => measure('destroy', driver.remove(name, signal)),
    removeEmpty: (name) => driver.removeEmpty(name),
    children: (name) => driver.children(name),
    isBusy: (name) => driver.isBusy(name),
    has: (name) => driver.has(name),
  };
}
