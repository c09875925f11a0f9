import type { CallRecord } from '@berth/sdk/call-record';

/** One call with what its plugin was given and what it printed, JSON laid out; an empty line at its end. */
export function executionLines(record: CallRecord, paintFailure: (text: string) => string = (text) => text): string[] {
  const { protocol, plugin, method, subject, startedAt, durationMs, outcome, message, execution } = record;
  const call = [protocol, plugin, method, subject].filter(Boolean).join(' ');
  const head = `${call}  ${durationMs.toFixed(1)} ms  ${new Date(startedAt).toISOString()}`;
  const failure = outcome === 'OK' ? [] : [paintFailure(`${outcome}${message ? `: ${message}` : ''}`)];
  if (!execution) return [head, ...failure, ''];
  const { file, env, stdin, stdout, stderr, exitCode, signal } = execution;
  const ending = signal ? `killed by ${signal}` : exitCode === null ? 'did not end by itself' : `exit status ${exitCode}`;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [
    head,
    ...failure,
    `  ${file}: ${ending}`,
    ...block('environment', variables.join('\n')),
    ...block('stdin', laidOut(stdin)),
    ...block('stdout', laidOut(stdout)),
    ...block('stderr', stderr),
    '',
  ];
}

function block(name: string, text: string): string[] {
  const lines = text.trimEnd().split('\n');
  return text.trim() === '' ? [`  ${name}: nothing`] : [`  ${name}:`, ...lines.map((line) => `    ${line}`)];
}

function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
