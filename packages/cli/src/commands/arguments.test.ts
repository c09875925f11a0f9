import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directory, labels, nameList, nodeName, seconds, wholeNumber } from './arguments.ts';

describe('directory', () => {
  it('is absolute, and may hold blanks', () => {
    expect([directory('/a b/c'), directory('d')]).toEqual(['/a b/c', resolve('d')]);
  });

  it.each(['', '/a:b', '/a,b', '/a#b', '/a"b', "/a'b", '/a\\b', '/a\nb'])('refuses %j', (path) => {
    expect(() => directory(path)).toThrow(/path/);
  });
});

describe('seconds', () => {
  it('becomes milliseconds', () => {
    expect([seconds('90'), seconds('1.5')]).toEqual([90_000, 1500]);
  });

  it.each(['', 'x', '0', '-1', '3000000'])('refuses %j', (text) => {
    expect(() => seconds(text)).toThrow(/number of seconds/);
  });
});

describe('wholeNumber', () => {
  it('is a number', () => {
    expect(wholeNumber('12')).toBe(12);
  });

  it.each(['', 'x', '0', '-1', '1.5', '9007199254740993'])('refuses %j', (text) => {
    expect(() => wholeNumber(text)).toThrow(/whole number/);
  });
});

describe('nameList', () => {
  it('is split at commas', () => {
    expect(nameList('a, b')).toEqual(['a', 'b']);
  });

  it.each(['', 'a,,b', 'a,a'])('refuses %j', (text) => {
    expect(() => nameList(text)).toThrow();
  });
});

describe('nodeName', () => {
  it('is in lower case, without blanks around it', () => {
    expect(nodeName(' Worker-1.example ')).toBe('worker-1.example');
  });

  it.each(['', 'Bad_Host', '-a', 'a'.repeat(254)])('refuses %j', (text) => {
    expect(() => nodeName(text)).toThrow(/must/);
  });
});

describe('labels', () => {
  it('are pairs', () => {
    expect(labels('disk=ssd, example.org/zone=,a=b')).toEqual({ disk: 'ssd', 'example.org/zone': '', a: 'b' });
  });

  it.each(['', 'a b=c', 'a=b=c', 'a=b,'])('refuses %j', (text) => {
    expect(() => labels(text)).toThrow(/must/);
  });
});
