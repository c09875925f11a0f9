/** Of a text in a message, in characters. */
const longestShown = 200;

/**
 * A text that somebody else wrote, for a message: in JSON's quotes, with everything escaped that a terminal doesn't show as it stands. What is longer
 * than 200 characters is cut there, and how long it is stands behind it. Other values as their JSON.
 */
export function quoted(value: unknown): string {
  if (typeof value !== 'string') return shortened(String(JSON.stringify(value)));
  const { shown, rest } = cut(value);
  return `${escaped(JSON.stringify(shown))}${rest}`;
}

/** The same without quotes: for what stands on its own. */
export function shortened(text: string): string {
  const { shown, rest } = cut(text);
  return `${escaped(shown)}${rest}`;
}

/** Escapes control characters and those that reorder or hide text (Unicode, UAX 9, "explicit directional formatting characters"). */
export function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function cut(text: string): { shown: string; rest: string } {
  if (text.length <= longestShown) return { shown: text, rest: '' };
  return { shown: `${text.slice(0, longestShown)}...`, rest: ` (${text.length} characters)` };
}
