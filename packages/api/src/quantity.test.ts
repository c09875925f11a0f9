import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Quantity, QuantityError } from './quantity.ts';

const suffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'e3', 'E-3', 'e+2'];
const texts = fc
  .tuple(fc.constantFrom('', '-', '+'), fc.nat({ max: 999_999 }), fc.option(fc.nat({ max: 9999 })), fc.constantFrom(...suffixes))
  .map(([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${suffix}`);
const quantities = texts.map((text) => Quantity.parse(text));

describe('Quantity', () => {
  it.each([
    ['0', '0'],
    ['0.0Mi', '0'],
    ['1', '1'],
    ['+5', '5'],
    ['-5', '-5'],
    ['.5', '500m'],
    ['5.', '5'],
    ['0.1', '100m'],
    ['1.5', '1500m'],
    ['1000m', '1'],
    ['1000k', '1M'],
    ['1.5Gi', '1536Mi'],
    ['1024Ki', '1Mi'],
    ['2048', '2048'],
    ['1Ki', '1Ki'],
    ['0.5Ki', '512'],
    ['0.5Mi', '512Ki'],
    ['0.0001Ki', '102400u'],
    ['1e3', '1e3'],
    ['12e4', '120e3'],
    ['1E-3', '1e-3'],
    ['1E', '1E'],
    ['100n', '100n'],
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    ['1500u', '1500u'],
    ['12345678901234567', '12345678901234567'],
  ])('writes %s in its canonical form %s', (text, canonical) => {
    expect(Quantity.parse(text).toString()).toBe(canonical);
  });

  it.each(['', ' 1', '1 ', 'abc', '1GB', '1KI', '1mi', '1e', '1e1.5', '1.1.1', '--1', '0x10', 'NaN', 'Infinity', '1Zi'])(
    'refuses %j with a message that quotes it',
    (text) => {
      const refusal = Quantity.tryParse(text);
      expect(refusal).toBeInstanceOf(QuantityError);
      expect(String(refusal)).toContain(JSON.stringify(text));
      expect(() => Quantity.parse(text)).toThrow(QuantityError);
    },
  );

  it('takes plain numbers', () => {
    expect(Quantity.parse(0.1).milliValue()).toBe(100n);
    expect(Quantity.parse(1e21).toString()).toBe(Quantity.parse('1e30').toString());
  });

  it('adds tenths without the error of floating point', () => {
    expect(Quantity.parse('0.1').add(Quantity.parse('0.2')).compare(Quantity.parse('0.3'))).toBe(0);
  });

  it('rounds value and milliValue away from zero', () => {
    expect(Quantity.parse('1001m').value()).toBe(2n);
    expect(Quantity.parse('-1001m').value()).toBe(-2n);
    expect(Quantity.parse('1u').milliValue()).toBe(1n);
  });

  it('cuts values to 2^63-1 without computing great powers', () => {
    const greatest = 2n ** 63n - 1n;
    expect(Quantity.parse('10E').value()).toBe(greatest);
    expect(Quantity.parse('1e999999999999').value()).toBe(greatest);
    expect(Quantity.parse('-1e999999999999').value()).toBe(-greatest);
    expect(Quantity.parse('1e-999999999999').nano).toBe(1n);
  });

  it('keeps the notation of the left side, or of the right side when the left is zero', () => {
    expect(Quantity.parse('1Gi').add(Quantity.parse('1048576')).toString()).toBe('1025Mi');
    expect(Quantity.zero.add(Quantity.parse('1Gi')).toString()).toBe('1Gi');
  });

  it('reads its own canonical form back to the same form, and to the same amount up to a whole binary unit', () => {
    fc.assert(
      fc.property(quantities, (quantity) => {
        const text = quantity.toString();
        const again = Quantity.parse(text);
        // 2000 units in binary have no suffix, and read back they are decimal ones: 2k.
        if (quantity.format !== 'BinarySI' || text.endsWith('i')) expect(again.toString()).toBe(text);
        if (quantity.format !== 'BinarySI') expect(again.compare(quantity)).toBe(0);
        expect(again.value()).toBe(quantity.value());
      }),
    );
  });

  it('orders as it subtracts', () => {
    fc.assert(
      fc.property(quantities, quantities, (left, right) => {
        const difference = left.sub(right).nano;
        expect(left.compare(right)).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
        expect(right.compare(left) + left.compare(right)).toBe(0);
      }),
    );
  });

  it('adds and subtracts back to the same amount', () => {
    const small = quantities.filter((quantity) => quantity.nano > -(10n ** 24n) && quantity.nano < 10n ** 24n);
    fc.assert(fc.property(small, small, (left, right) => left.add(right).sub(right).compare(left) === 0));
  });

  it('never throws anything but QuantityError', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect([Quantity, QuantityError]).toContain(Quantity.tryParse(text).constructor);
      }),
    );
  });
});
