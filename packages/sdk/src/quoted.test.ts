import { describe, expect, it } from 'vitest';
import { escaped, quoted, shortened } from './quoted.ts';

describe('quoted', () => {
  it.each([
    ['a word', 'word', '"word"'],
    ['letters of any script', 'größe-שלום', '"größe-שלום"'],
    ['quotes and line breaks', 'a"b\n', String.raw`"a\"b\n"`],
    ['what turns the direction of text', 'a\u202ecod.exe\u2066\u061c\u200f', String.raw`"a\u202ecod.exe\u2066\u061c\u200f"`],
    ['what is not seen', '\u007f\u009b\u200b\ufeff\u2028\u{e0041}', String.raw`"\u007f\u009b\u200b\ufeff\u2028\udb40\udc41"`],
    ['a text of 300 characters', 'x'.repeat(300), `"${'x'.repeat(200)}..." (300 characters)`],
    ['a number', 5, '5'],
    ['nothing', undefined, 'undefined'],
    ['a long list', Array.from({ length: 300 }, () => 1), `[${'1,'.repeat(99)}1... (601 characters)`],
  ])('shows %s', (_, value, text) => {
    expect(quoted(value)).toBe(text);
  });
});

it.each([
  ['word\u001b', String.raw`word\u001b`],
  ['x'.repeat(201), `${'x'.repeat(200)}... (201 characters)`],
])('shortens %j', (text, shown) => {
  expect(shortened(text)).toBe(shown);
});

it('escapes a text once', () => {
  expect(escaped(escaped('a\u202eb'))).toBe(String.raw`a\u202eb`);
});
