import type { Explanation } from '@berth/kubelet/explanation';
import { formatAge } from './listing.ts';

type Step = Explanation['steps'][number];
type Paint = (text: string) => string;

interface ExplanationOptions {
  now: Date;
  /** Columns of the terminal. */
  width: number;
  colours: { green: Paint; yellow: Paint; red: Paint; dim: Paint };
}

const marks: Record<Step['state'], string> = { done: '✓', now: '•', waiting: '·', failed: '✗' };

/** A pod's way for people: the sentence, then a line for each step; below one that isn't done its last plugin call, and what would unblock it. */
export function explanationLines({ pod, summary, steps }: Explanation, options: ExplanationOptions): string[] {
  const nameWidth = Math.max(0, ...steps.map((step) => nameOf(step).length));
  return [`pod ${pod} ${summary}`, '', ...steps.flatMap((step) => stepLines(step, nameWidth, options))];
}

function stepLines(step: Step, nameWidth: number, { now, width, colours }: ExplanationOptions): string[] {
  const paint = { done: colours.green, now: colours.yellow, waiting: colours.dim, failed: colours.red }[step.state];
  const head = `  ${paint(marks[step.state])} ${nameOf(step).padEnd(nameWidth)}  ${step.state.padEnd(7)}  `;
  const indent = nameWidth + 15;
  const more = step.state === 'done' ? [] : [callLine(step), step.cure && `→ ${step.cure}`].filter((line) => typeof line === 'string');
  const [first = '', ...rest] = [`${step.detail}${timeOf(step, now)}`, ...more].flatMap((text) => wrap(text, Math.max(30, width - indent)));
  return [`${head}${first}`, ...rest.map((line) => `${' '.repeat(indent)}${line}`)];
}

/** When, and how long it took; nothing of a step whose turn hasn't come. */
function timeOf({ state, since, tookMs }: Step, now: Date): string {
  const told = [since && sinceText(state, formatAge(since, now)), tookMs !== undefined && `took ${milliseconds(tookMs)}`];
  const known = told.filter((text) => typeof text === 'string');
  return known.length > 0 ? ` (${known.join(', ')})` : '';
}

function sinceText(state: Step['state'], age: string): string | undefined {
  const texts = { done: `${age} ago`, now: `for ${age}`, failed: `failed ${age} ago`, waiting: undefined };
  return texts[state];
}

function nameOf({ name, container }: Step): string {
  return container === undefined ? name : `${container}: ${name}`;
}

function callLine({ call }: Step): string | undefined {
  if (!call) return undefined;
  const { plugin, method, durationMs, outcome } = call;
  if (durationMs === undefined) return `last call: ${method} of ${plugin}, which has not answered yet`;
  return `last call: ${method} of ${plugin}, ${outcome} after ${milliseconds(durationMs)}`;
}

function milliseconds(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Lines of at most that width, broken at blanks; a longer word stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
