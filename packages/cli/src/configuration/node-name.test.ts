import { expect, it } from 'vitest';
import { hostNodeName } from './node-name.ts';

it.each([
  ['worker-1.example', 'worker-1.example'],
  [' Worker-1\n', 'worker-1'],
])("the host's name %j makes the node %s", (name, expected) => {
  expect(hostNodeName(name)).toBe(expected);
});

it.each(['', 'Bad_Host', 'ends-', 'a..b'])("a host's name %j is refused with the cure", (name) => {
  expect(() => hostNodeName(name)).toThrow(/^the host's name ".*": it can't be a node's name: .*RFC 1123 subdomain.*--hostname-override/);
});
