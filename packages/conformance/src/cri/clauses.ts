import type { Clause } from '../clause-table.ts';
import { criProtocol } from './protocol.ts';

/** What CRI v1 defines: its RPCs, and the fields of its messages but those of Windows. */
export function criClauses(): Clause[] {
  const { rpcs, messages } = criProtocol();
  const fields = [...messages].flatMap(([of, members]) => members.map(({ name }) => ({ name: `${of}.${name}`, of })));
  return [...rpcs.map(({ name, service }) => ({ name, of: service })), ...fields];
}
