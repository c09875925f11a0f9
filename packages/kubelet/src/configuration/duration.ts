const nanosecondsOf: Record<string, bigint> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const whole = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/;
/** What Go's time.Duration can hold. */
const longest = 2n ** 63n - 1n;

/** Nanoseconds of a duration as Go and metav1.Duration write it: `300ms`, `1.5h`, `2m30s`. Undefined for what is none. */
function nanoseconds(text: string): bigint | undefined {
  const [, sign, parts = ''] = whole.exec(text) ?? [];
  if (sign === undefined) return undefined;
  let sum = 0n;
  for (const [, count = '', unit = ''] of parts.matchAll(part)) sum += scaled(count, nanosecondsOf[unit] ?? 0n);
  if (sum > longest) return undefined;
  return sign === '-' ? -sum : sum;
}

/** A decimal number of units, cut to whole nanoseconds. */
function scaled(count: string, unit: bigint): bigint {
  const [integer = '', fraction = ''] = count.split('.');
  return BigInt(integer || '0') * unit + (BigInt(fraction || '0') * unit) / 10n ** BigInt(fraction.length);
}

/** As Go prints it: `1m0s`, `1.5s`, `100ms`, `0s`; undefined for what is no duration. */
export function canonicalDuration(text: string): string | undefined {
  const duration = nanoseconds(text);
  if (duration === undefined) return undefined;
  const [sign, size] = duration < 0n ? ['-', -duration] : ['', duration];
  return size === 0n ? '0s' : sign + (size < 1_000_000_000n ? belowSecond(size) : fromSecond(size));
}

/** Milliseconds of a duration that was checked already. */
export function milliseconds(text: string): number {
  return Number(nanoseconds(text) ?? 0n) / 1e6;
}

function belowSecond(size: bigint): string {
  const [unit, name] = size < 1000n ? [1n, 'ns'] : size < 1_000_000n ? [1000n, 'µs'] : [1_000_000n, 'ms'];
  return `${decimal(size, unit as bigint)}${name}`;
}

function fromSecond(size: bigint): string {
  const minute = nanosecondsOf.m as bigint;
  const seconds = `${decimal(size % minute, 1_000_000_000n)}s`;
  const minutes = size / minute;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function decimal(size: bigint, unit: bigint): string {
  const fraction =
    unit === 1n
      ? ''
      : (size % unit)
          .toString()
          .padStart(unit.toString().length - 1, '0')
          .replace(/0+$/, '');
  return `${size / unit}${fraction && `.${fraction}`}`;
}
