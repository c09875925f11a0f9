import { LineCounter, parseDocument } from 'yaml';
import { findDuplicateKey } from './duplicate-key.ts';
import { type Position, Written } from './position.ts';
import { yamlRules } from './yaml-rules.ts';

/** A text's one document as plain values; whole numbers that a double holds are numbers, longer ones bigint. */
interface ReadDocument {
  value: unknown;
  /** Where a field path (`profiles[0].name`) is written, or the nearest field around it. */
  locate(path: string): Position;
}

/** Why a text isn't read, and where. */
interface DocumentProblem {
  problem: string;
  position: Position;
}

const maxAliasCount = 100;

/** Reads a YAML or JSON text that has to hold one document, by the rules of Kubernetes' own tools. Never throws. */
export function readDocument(text: string): ReadDocument | DocumentProblem {
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const document = parseDocument(text, { ...yamlRules, lineCounter: lines });
    const error = document.errors[0] ?? document.warnings[0];
    if (error) return { problem: error.message.replace(/\.$/, ''), position: position(error.pos[0]) };
    const duplicate = findDuplicateKey(document);
    if (duplicate)
      return { problem: `Duplicate key "${duplicate.value}": each field may be given once`, position: position(duplicate.range?.[0] ?? 0) };
    const written = new Written(document, lines);
    return { value: withNumbers(document.toJS({ maxAliasCount })), locate: (path) => written.locate(path) };
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown), position: { line: 1, column: 1 } };
  }
}

function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withNumbers(each)]));
}
