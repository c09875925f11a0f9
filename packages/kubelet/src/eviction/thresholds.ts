import { Quantity, QuantityError } from '@berth/api/quantity';
import { PluginError } from '@berth/sdk/errors';
import { type Signal, signals } from './signals.ts';

/** Named after the fields of KubeletConfiguration; times are in milliseconds, thresholds are quantities or percentages of the capacity. */
export interface EvictionThresholds {
  evictionHard: Readonly<Record<string, string>>;
  evictionSoft: Readonly<Record<string, string>>;
  /** How long a soft threshold has to be met; each of them needs one. */
  evictionSoftGracePeriodMs: Readonly<Record<string, number>>;
  /** How much more than the threshold is to be available before the node is content again. */
  evictionMinimumReclaim: Readonly<Record<string, string>>;
}

/** Units, or a share of the capacity in thousandths of a percent. */
type ThresholdValue = { units: bigint } | { milliPercent: bigint };

/** The node is short of a signal's resource when less than `value` is available. */
export interface Threshold {
  signal: Signal;
  value: ThresholdValue;
  /** How long it has to be met before a pod is evicted; 0 is a hard threshold. */
  gracePeriodMs: number;
  minReclaim?: ThresholdValue;
}

/**
 * Reads the thresholds. One of 0% or 100% is none. What pods may use of memory together has the threshold of memory.available.
 * INVALID_ARGUMENT, naming the field, for what is no signal or amount, and for a soft threshold without a grace period.
 */
export function readThresholds(options: EvictionThresholds): Threshold[] {
  const { evictionHard, evictionSoft, evictionSoftGracePeriodMs, evictionMinimumReclaim } = options;
  const reclaim = readAll('evictionMinimumReclaim', evictionMinimumReclaim, true);
  const withReclaim = (threshold: Threshold): Threshold => {
    const minReclaim = reclaim.get(threshold.signal);
    return { ...threshold, ...(minReclaim && { minReclaim }) };
  };
  const hard = [...readAll('evictionHard', evictionHard)].map(([signal, value]) => ({ signal, value, gracePeriodMs: 0 }));
  const soft = [...readAll('evictionSoft', evictionSoft)].map(([signal, value]) => {
    const gracePeriodMs = evictionSoftGracePeriodMs[signal];
    if (gracePeriodMs === undefined) throw refused(`evictionSoft[${signal}]`, 'it needs a grace period in evictionSoftGracePeriod');
    return { signal, value, gracePeriodMs };
  });
  const memory = hard.filter(({ signal }) => signal === 'memory.available');
  const allocatable = memory.map((threshold): Threshold => ({ ...threshold, signal: 'allocatableMemory.available' }));
  return [...hard, ...soft, ...allocatable].map(withReclaim);
}

/** The threshold in units of what the signal counts. */
export function amountOf(value: ThresholdValue, capacity: bigint): bigint {
  return 'units' in value ? value.units : (capacity * value.milliPercent) / 100_000n;
}

function readAll(field: string, written: Readonly<Record<string, string>>, zero = false): Map<Signal, ThresholdValue> {
  return new Map(
    Object.entries(written).flatMap(([name, text]) => {
      const signal = signals.find((known) => known === name);
      if (!signal) throw refused(`${field}[${name}]`, 'unknown signal', `use one of ${signals.join(', ')}`);
      const value = readValue(`${field}[${name}]`, text, zero);
      return value ? [[signal, value] as const] : [];
    }),
  );
}

/** Undefined for the percentages that switch a threshold off. */
function readValue(field: string, text: string, zero: boolean): ThresholdValue | undefined {
  if (!text.endsWith('%')) return { units: readUnits(field, text, zero) };
  const percent = /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (!(percent >= 0 && percent <= 100)) throw refused(field, `${JSON.stringify(text)} is no percentage from 0% to 100%`);
  if (!zero && (percent === 0 || percent === 100)) return undefined;
  return { milliPercent: BigInt(Math.round(percent * 1000)) };
}

function readUnits(field: string, text: string, zero: boolean): bigint {
  const quantity = Quantity.tryParse(text);
  if (quantity instanceof QuantityError) throw refused(field, quantity.message);
  if (quantity.nano < 0n || (!zero && quantity.isZero())) throw refused(field, `${JSON.stringify(text)} is not positive`);
  return quantity.value();
}

function refused(object: string, what: string, hint?: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object, hint });
}
