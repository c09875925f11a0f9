import { expect, it } from 'vitest';
import { LayerDirectories } from './layer-directories.ts';

it('knows the root, and directories with their times, until they are removed with all below', () => {
  const directories = new LayerDirectories();
  for (const [index, path] of ['a', 'a/b', 'ab'].entries()) {
    directories.add(path);
    directories.setTime(path, index);
  }
  directories.add('unnamed');
  directories.remove('a');
  expect([...directories.times()]).toEqual([['ab', 2]]);
  expect(['', 'a', 'a/b', 'ab', 'unnamed'].map((path) => directories.has(path))).toEqual([true, false, false, true, true]);
});

it('refuses more than memory should hold', () => {
  const directories = new LayerDirectories(1_000_000);
  const addAll = () => {
    for (let index = 0; index < 10_000; index++) directories.add(`d${index}`);
  };
  expect(addAll).toThrow(/^it has more than 9\d\d\d directories, and all are kept in memory; build the image with fewer/);
});

it('counts none that were removed', () => {
  const directories = new LayerDirectories(1_000);
  for (let round = 0; round < 100; round++) {
    for (const path of ['a', 'a/b']) directories.add(path);
    directories.remove('a');
  }
  expect(directories.has('a/b')).toBe(false);
});
