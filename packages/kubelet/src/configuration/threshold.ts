import { Quantity, QuantityError } from '@berth/api/quantity';
import { z } from 'zod';

/** An amount of what a signal watches, or a share of its capacity: `100Mi`, `10%`. */
export const quantityOrPercent = z.union([z.string(), z.number()]).transform((given, { addIssue }) => {
  const why = whyNoThreshold(String(given));
  if (why !== undefined) addIssue({ code: 'custom', message: why });
  return String(given);
});

function whyNoThreshold(text: string): string | undefined {
  if (text.endsWith('%')) {
    const percent = Number(text.slice(0, -1));
    return text.length > 1 && percent >= 0 && percent <= 100 ? undefined : `${JSON.stringify(text)} has to be between 0% and 100%`;
  }
  const parsed = Quantity.tryParse(text);
  if (parsed instanceof QuantityError) return parsed.message;
  return parsed.nano < 0n ? `${JSON.stringify(text)} has to be 0 or more` : undefined;
}
