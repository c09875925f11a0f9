const mark = '...';

/** The last whole lines of a text, in so many characters at most; of a last line that is longer, its end. "..." stands for what is left out before. */
export function lastLines(text: string, most: number): string {
  if (text.length <= most) return text;
  const room = most - mark.length;
  // With the line break before it, where a line just fits.
  const end = text.slice(-room);
  const lineBreak = end.indexOf('\n');
  return `${mark}${lineBreak === -1 ? end : end.slice(lineBreak)}`;
}
