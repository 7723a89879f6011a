// What zod found, as lines for people.

import type { z } from 'zod';

/** One line for each problem, with the place in the document. */
export function problemsOf(error: z.ZodError): readonly string[] {
  return error.issues.map((issue) => {
    const place = placeText(issue.path);
    return place === '' ? issue.message : `${place}: ${issue.message}`;
  });
}

/** `nodes[0].kubeletVersion`. */
function placeText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}
