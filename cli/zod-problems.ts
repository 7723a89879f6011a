// What is wrong with a document that zod has checked, as lines for people.

import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';

import { meantWord, requiredText } from '../domain/input-words';

type Path = readonly PropertyKey[];

interface Checked {
  readonly data: unknown;
  /** Every key that the schema knows anywhere: none of them is a slip of the pen. */
  readonly knownKeys: ReadonlySet<string>;
}

/** One line for each problem; the same one in several items of a list is told once, counted. */
export function problemsOf(error: z.ZodError, checked: Checked): readonly string[] {
  const groups = new Map<
    string,
    { readonly first: string; readonly text: string; count: number }
  >();
  for (const { path, message } of error.issues) {
    const text = `${message}${slipOfThePen(path, message, checked)}`;
    const key = `${patternText(path)}: ${text}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: placeText(path), text, count: 1 });
    else group.count += 1;
  }
  return [...groups].map(([key, { first, text, count }]) => {
    if (count > 1) return `${key} (${count} times, first at ${first})`;
    return first === '' ? text : `${first}: ${text}`;
  });
}

/** The key that was probably meant to be the one that is missing. */
function slipOfThePen(path: Path, message: string, { data, knownKeys }: Checked): string {
  const key = path.at(-1);
  if (message !== requiredText || typeof key !== 'string') return '';
  const strangers = Object.keys(valueAt(data, path.slice(0, -1)) ?? {});
  const meant = meantWord(
    key,
    strangers.filter((one) => !knownKeys.has(one)),
    distance,
  );
  return meant === undefined ? '' : ` - did you mean it by ${meant}?`;
}

function valueAt(value: unknown, path: Path): object | undefined {
  const found = path.reduce<unknown>(
    (at, key) => (at as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key],
    value,
  );
  return typeof found === 'object' && found !== null ? found : undefined;
}

/** `nodes[0].kubeletVersion`. */
function placeText(path: Path): string {
  return joined(path, (index) => `[${index}]`);
}

/** `nodes[*].kubeletVersion`. */
function patternText(path: Path): string {
  return joined(path, () => '[*]');
}

function joined(path: Path, ofIndex: (index: number) => string): string {
  return path
    .map((key) => (typeof key === 'number' ? ofIndex(key) : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

interface SchemaPart {
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Keys of all mappings of a JSON Schema. */
export function keysOf(schema: unknown): ReadonlySet<string> {
  if (typeof schema !== 'object' || schema === null) return new Set();
  const own = Object.keys((schema as SchemaPart).properties ?? {});
  const inner = Object.values(schema).flatMap((part) => [...keysOf(part)]);
  return new Set([...own, ...inner]);
}
