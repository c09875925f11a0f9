/** How a quantity is written: `500m` and `2G`, `512Mi`, or `12e6`. Arithmetic keeps the notation of the left side. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** Why a text is no quantity; the message quotes the text and says what is accepted. */
export class QuantityError extends Error {
  readonly text: string;

  constructor(text: string, why: string) {
    super(`${JSON.stringify(text)} is no quantity: ${why}`);
    this.name = 'QuantityError';
    this.text = text;
  }
}

const nanoPerUnit = 10n ** 9n;
/** The greatest magnitude of a quantity: 2^63-1 units. Greater ones are cut to it, as Kubernetes documents. */
const maxNano = (2n ** 63n - 1n) * nanoPerUnit;
/** Past this power of ten every value is over the greatest magnitude or under one nano. */
const exponentBound = 100;

const decimalSuffixes: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binarySuffixes: Record<string, number> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 };
const decimalNames = invert(decimalSuffixes);
const binaryNames = invert(binarySuffixes);
const grammar = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(.*)$/s;

/**
 * An amount of a resource (Kubernetes `resource.Quantity`): exact, in steps of one nano, at most 2^63-1 units.
 * Finer values are rounded away from zero. Values are immutable.
 */
export class Quantity {
  static readonly zero = new Quantity(0n, 'DecimalSI');

  /** The amount in 10^-9 units. */
  readonly nano: bigint;
  readonly format: QuantityFormat;

  private constructor(nano: bigint, format: QuantityFormat) {
    this.nano = nano > maxNano ? maxNano : nano < -maxNano ? -maxNano : nano;
    this.format = format;
  }

  /** A whole number of units, such as bytes or CPUs. */
  static of(units: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(units) * nanoPerUnit, format);
  }

  /** A number of thousandths of a unit, such as millicores. */
  static ofMilli(milli: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(milli) * (nanoPerUnit / 1000n), format);
  }

  /** Reads a quantity as manifests have it (`100m`, `1.5Gi`, `2e3`, or a plain number). Throws QuantityError. */
  static parse(text: string | number): Quantity {
    const parsed = Quantity.tryParse(text);
    if (parsed instanceof QuantityError) throw parsed;
    return parsed;
  }

  /** Like `parse`, with the refusal as a value. */
  static tryParse(text: string | number): Quantity | QuantityError {
    const written = String(text);
    const match = grammar.exec(written);
    if (!match)
      return new QuantityError(
        written,
        written === '' ? 'it is empty' : 'it must be a number with an optional suffix, such as 500m or 1.5Gi',
      );
    const [, sign, whole = '', fraction = match[4] ?? '', , suffix = ''] = match;
    const scale = readSuffix(suffix);
    if (!scale)
      return new QuantityError(
        written,
        `unknown suffix ${JSON.stringify(suffix)}; use one of n u m k M G T P E Ki Mi Gi Ti Pi Ei, or e and an exponent`,
      );
    const magnitude = toNano(BigInt(whole + fraction), fraction.length, scale);
    // Under one binary unit the suffix would hide the value: Kubernetes goes on in decimal.
    const format = scale.format === 'BinarySI' && magnitude < nanoPerUnit && magnitude > 0n ? 'DecimalSI' : scale.format;
    return new Quantity(sign === '-' ? -magnitude : magnitude, format);
  }

  /** Negative, zero or positive, as this is less than, equal to or greater than `other`. */
  compare(other: Quantity): -1 | 0 | 1 {
    return this.nano < other.nano ? -1 : this.nano > other.nano ? 1 : 0;
  }

  add(other: Quantity): Quantity {
    return new Quantity(this.nano + other.nano, this.nano === 0n ? other.format : this.format);
  }

  sub(other: Quantity): Quantity {
    return new Quantity(this.nano - other.nano, this.nano === 0n ? other.format : this.format);
  }

  isZero(): boolean {
    return this.nano === 0n;
  }

  /** Whole units, rounded away from zero. */
  value(): bigint {
    return divideAway(this.nano, nanoPerUnit);
  }

  /** Thousandths of a unit, rounded away from zero. */
  milliValue(): bigint {
    return divideAway(this.nano, nanoPerUnit / 1000n);
  }

  /** The canonical form: no fraction, the greatest suffix that keeps the value exact, the notation it was written in. */
  toString(): string {
    if (this.nano === 0n) return '0';
    const small = this.nano > -1024n * nanoPerUnit && this.nano < 1024n * nanoPerUnit;
    if (this.format === 'BinarySI' && !small) return writeBinary(this.value());
    return writeDecimal(this.nano, this.format);
  }

  toJSON(): string {
    return this.toString();
  }
}

interface Scale {
  format: QuantityFormat;
  /** 10 or 1024. */
  base: bigint;
  exponent: number;
}

function readSuffix(suffix: string): Scale | undefined {
  if (Object.hasOwn(decimalSuffixes, suffix)) return { format: 'DecimalSI', base: 10n, exponent: decimalSuffixes[suffix] ?? 0 };
  if (Object.hasOwn(binarySuffixes, suffix)) return { format: 'BinarySI', base: 1024n, exponent: binarySuffixes[suffix] ?? 0 };
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix)?.[1];
  return exponent === undefined ? undefined : { format: 'DecimalExponent', base: 10n, exponent: Number(exponent) };
}

/** `digits` with `decimals` of them behind the point, times the suffix, in nano, rounded up. */
function toNano(digits: bigint, decimals: number, { base, exponent }: Scale): bigint {
  if (digits === 0n) return 0n;
  if (base === 1024n) return divideAway(digits * nanoPerUnit * base ** BigInt(exponent), 10n ** BigInt(decimals));
  // A value out of bounds is cut without computing the power: `1e999999999` must not cost anything.
  const power = exponent + 9 - decimals;
  const order = String(digits).length + power;
  if (order > exponentBound) return maxNano;
  if (order < -exponentBound) return 1n;
  return power >= 0 ? digits * 10n ** BigInt(power) : divideAway(digits, 10n ** BigInt(-power));
}

function divideAway(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  if (dividend % divisor === 0n) return quotient;
  return dividend < 0n ? quotient - 1n : quotient + 1n;
}

function writeBinary(units: bigint): string {
  let power = 0;
  let mantissa = units;
  for (; power < 6 && mantissa % 1024n === 0n; power++) mantissa /= 1024n;
  return `${mantissa}${binaryNames[power] ?? ''}`;
}

function writeDecimal(nano: bigint, format: QuantityFormat): string {
  let exponent = -9;
  let mantissa = nano;
  for (; exponent < 18 && mantissa % 1000n === 0n; exponent += 3) mantissa /= 1000n;
  if (format !== 'DecimalExponent') return `${mantissa}${decimalNames[exponent]}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

function invert(suffixes: Record<string, number>): Record<number, string> {
  return Object.fromEntries(Object.entries(suffixes).map(([suffix, exponent]) => [exponent, suffix]));
}
