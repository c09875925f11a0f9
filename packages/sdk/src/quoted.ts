/** Of a text in a message, in characters. */
const longestShown = 200;

/**
 * A text that somebody else wrote, for a message: in JSON's quotes, cut after 200 characters, with everything escaped that a terminal
 * doesn't show as it stands. Other values as their JSON.
 */
export function quoted(value: unknown): string {
  return escaped(typeof value === 'string' ? JSON.stringify(shortened(value)) : shortened(String(JSON.stringify(value))));
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

function shortened(text: string): string {
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}...`;
}
