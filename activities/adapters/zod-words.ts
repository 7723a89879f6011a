// What zod finds wrong with a file, in the words of this project instead of zod's own. Values are
// never repeated: what stands in a file that was named by mistake may be a secret.

import { distance } from 'fastest-levenshtein';
import type * as z from 'zod';

import {
  alternativesText,
  kindText,
  meantWord,
  requiredText,
  unknownKeyText,
  withSuggestion,
} from '../../domain/input-words';

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/**
 * For the `error` option of a parse; messages of the schema itself come before it. Unknown keys get
 * one line each, in their order (keyProblems takes them apart).
 */
export const zodWords: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys((issue.inst as z.ZodObject | undefined)?.shape ?? {});
    return issue.keys
      .map((key) => withSuggestion(unknownKeyText(known), meantWord(key, known, distance)))
      .join('\n');
  }
  return issue.input === undefined ? requiredText : presentWords(issue);
};

/** Undefined for what the schemas here say in words of their own. */
function presentWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') {
    const wanted = typeWords[issue.expected] ?? issue.expected;
    // A whole number is expected where 1.5 stands: both are numbers.
    const got = issue.expected === 'int' ? 'a fraction' : kindText(issue.input);
    return `expected ${wanted}, got ${got}`;
  }
  if (issue.code === 'invalid_value') return `expected ${alternativesText(issue.values)}`;
  if (issue.code === 'invalid_union') {
    const { options } = issue as { readonly options?: readonly unknown[] };
    return options === undefined ? undefined : `expected ${alternativesText(options)}`;
  }
  if (issue.code !== 'too_small') return undefined;
  return issue.origin === 'string'
    ? 'expected text that is not empty'
    : `expected ${issue.minimum} or more`;
}

/** The keys of an issue about unknown ones, each with what is to be said of it. */
export function keyProblems(
  issue: z.core.$ZodIssueUnrecognizedKeys,
): readonly { readonly key: string; readonly text: string }[] {
  const texts = issue.message.split('\n');
  return issue.keys.map((key, index) => ({ key, text: texts[index] ?? issue.message }));
}
