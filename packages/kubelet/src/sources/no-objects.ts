import type { ObjectSource } from './object-source.ts';

/** Of a node to which nobody gives config maps and secrets: there are none. */
export const noObjects: ObjectSource = {
  get: async () => undefined,
  onChange: () => () => undefined,
};
