// Fields that several parts of an upgrade file have, and the words for one that is not as expected.

import ms from 'ms';
import { z } from 'zod';

import { expectedText } from '../domain/input-words';

/** What is said of a field that is missing or something else. */
export function expecting(what: string) {
  return {
    error: ({ input }: { readonly input?: unknown }): string => expectedText(what, input),
  };
}

/** A label of DNS, as names of namespaces are (RFC 1123). */
export const dnsLabelPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const durationPattern = /^\d+(\.\d+)?\s?(ms|s|m|h|d)$/;

/** A duration with its unit, within bounds; milliseconds afterwards. */
export function duration(from: string, to: string, description: string) {
  const wanted = 'a duration with a unit, such as 30s, 5m or 2h';
  return z
    .string(expecting(wanted))
    .regex(durationPattern, { ...expecting(wanted), abort: true })
    .refine((text) => toMs(text) >= toMs(from) && toMs(text) <= toMs(to), {
      ...expecting(`a duration from ${from} to ${to}`),
    })
    .transform(toMs)
    .meta({ description: `${description} From ${from} to ${to}.`, examples: [from, to] });
}

/** Milliseconds of a duration as upgrade files have them; undefined: it is none. */
export function durationMs(text: string): number | undefined {
  return durationPattern.test(text) ? toMs(text) : undefined;
}

/** Milliseconds of a text that `duration` takes. */
export function toMs(text: string): number {
  return ms(text as ms.StringValue);
}
