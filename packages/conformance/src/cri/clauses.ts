import type { Clause } from '../clause-table.ts';
import { criProtocol } from './protocol.ts';

/** What cri-api promises of log files beside the definition: `TIME STREAM TAG[:TAG] TEXT` (k8s.io/cri-api, constants.go). */
const logLine = ['time', 'stream', 'tag', 'text'];

/** What CRI v1 defines: its RPCs, the fields of its messages but those of Windows, the values of its enumerations, and the lines of log files. */
export function criClauses(): Clause[] {
  const { rpcs, messages, enumerations } = criProtocol();
  const parts = (of: string, names: string[]): Clause[] => names.map((name) => ({ name: `${of}.${name}`, of }));
  return [
    ...rpcs.map(({ name, service }) => ({ name, of: service })),
    ...[...messages].flatMap(([of, fields]) =>
      parts(
        of,
        fields.map(({ name }) => name),
      ),
    ),
    ...[...enumerations].flatMap(([of, values]) => parts(of, values)),
    ...parts('LogLine', logLine),
  ];
}
