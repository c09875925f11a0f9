import { describe, expect, it } from 'vitest';
import { problemOfChoice, problemOfRequest } from './preference.ts';

describe('a question', () => {
  it.each([
    [{ available: ['a', 'b'], mustInclude: ['a'], size: 2 }, undefined],
    [{ available: [], mustInclude: [], size: 0 }, undefined],
    [{ available: ['a', 'b'], mustInclude: [], size: 3 }, '3 devices are asked for, and 2 are available'],
    [{ available: ['a', 'a'], mustInclude: [], size: 2 }, '2 devices are asked for, and 1 are available'],
    [{ available: ['a', 'b', 'c'], mustInclude: ['a', 'b'], size: 1 }, '2 devices must be included, and 1 are asked for'],
    [{ available: ['a', 'b'], mustInclude: ['z'], size: 1 }, 'what must be included is not available: "z"'],
  ])('%j: %s', (request, problem) => expect(problemOfRequest(request)).toBe(problem));
});

describe('a choice', () => {
  const request = { available: ['a', 'b', 'c'], mustInclude: ['c'], size: 2 };

  it.each([
    [['c', 'a'], undefined],
    [['c'], 'it gave 1 devices in place of 2'],
    [['c', 'c'], 'it gave 1 devices in place of 2'],
    [['a', 'b', 'c'], 'it gave 3 devices in place of 2'],
    [['c', 'z'], 'it gave what is not available: "z"'],
    [['a', 'b'], 'it left out what must be included: "c"'],
  ])('%j: %s', (chosen, problem) => expect(problemOfChoice(chosen, request)).toBe(problem));
});
