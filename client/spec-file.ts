// Reads an upgrade file: every problem at once, each with its line, and what was probably meant.

import { distance } from 'fastest-levenshtein';
import type { Document, Node, Scalar } from 'yaml';
import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';

import { meantWord, unknownKeyText, withSuggestion } from '../domain/input-words';
import type { UpgradeSpec } from '../domain/spec';
import type { JsonSchema } from './spec-schema';
import { specJsonSchema, specSchema, toSpec } from './spec-schema';

/** One thing that is wrong; `line` and `column` count from 1. */
export interface SpecProblem {
  readonly line: number;
  readonly column: number;
  /** `pools[0].drain.timeout`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** What was probably meant: a key or a value. */
  readonly suggestion?: string;
}

export type SpecFileResult =
  | { readonly kind: 'valid'; readonly spec: UpgradeSpec }
  | {
      readonly kind: 'invalid';
      readonly fileName: string;
      readonly problems: readonly SpecProblem[];
    };

type Path = readonly PropertyKey[];

/**
 * The spec with all defaults filled in (spec-schema.ts has the table), or all problems in the order
 * of the file. YAML 1.2, so JSON too. Versions and label values are read as they are written:
 * `target: 1.30` means 1.30, not the number 1.3. Throws nothing.
 */
export function parseSpecFile(text: string, fileName: string): SpecFileResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const places = new Places(document, lines);
  const syntax = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    ...places.at(pos[0]),
    path: '',
    message:
      code === 'MULTIPLE_DOCS'
        ? 'a second document begins here; an upgrade file has one'
        : `not readable as YAML: ${message}`,
  }));
  if (syntax.length > 0) return { kind: 'invalid', fileName, problems: syntax.toSorted(byPlace) };

  readTextsAsWritten(document);
  const read = valueOf(document, places);
  if ('problem' in read) return { kind: 'invalid', fileName, problems: [read.problem] };
  const { value } = read;
  const parsed = specSchema.safeParse(value);
  const problems = [
    ...(parsed.success
      ? []
      : parsed.error.issues.flatMap((issue) => problemsOf(issue, value, places))),
    ...repeatedPools(value, places),
  ];
  return parsed.success && problems.length === 0
    ? { kind: 'valid', spec: toSpec(parsed.data) }
    : { kind: 'invalid', fileName, problems: problems.toSorted(byPlace) };
}

/** `upgrade.yaml:7:5: pools[0].drian: unknown key - did you mean drain?` */
export function specProblemText(fileName: string, problem: SpecProblem): string {
  const { line, column, path, message, suggestion } = problem;
  const text = withSuggestion(message, suggestion);
  return `${fileName}:${line}:${column}: ${path === '' ? '' : `${path}: `}${text}`;
}

function byPlace(a: SpecProblem, b: SpecProblem): number {
  return a.line - b.line || a.column - b.column || (a.path < b.path ? -1 : 1);
}

/** Aliases may lead nowhere or expand without end; then there is no value, but the reason. */
function valueOf(
  document: Document,
  places: Places,
): { readonly value: unknown } | { readonly problem: SpecProblem } {
  try {
    return { value: document.toJS() as unknown };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const message = `not readable as YAML: ${error.message}`;
    return { problem: { ...places.at(strayAlias(document)), path: '', message } };
  }
}

/** Where the first alias is that has no anchor; the beginning of the file when all have one. */
function strayAlias(document: Document): number {
  let offset = 0;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = rangeStart(alias) ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

/** Numbers, booleans and nothings become their source text where only texts make sense. */
function readTextsAsWritten(document: Document): void {
  const contents = document.contents;
  if (!isMap(contents)) return;
  for (const key of ['target', 'via']) asWritten(contents.get(key, true));
  const pools = contents.get('pools', true);
  if (!isSeq(pools)) return;
  for (const pool of pools.items) {
    if (!isMap(pool)) continue;
    asWritten(pool.get('nodeSelector', true));
    asWritten(pool.getIn(['drain', 'namespaces'], true));
  }
}

function asWritten(node: unknown): void {
  if (isScalar(node)) readAsText(node);
  // Keys of mappings as well: a namespace may be called 007.
  if (isMap(node) || isSeq(node)) visit(node, { Scalar: (_, scalar) => readAsText(scalar) });
}

function readAsText(scalar: Scalar): void {
  if (typeof scalar.value !== 'string' && scalar.source !== undefined) scalar.value = scalar.source;
}

/** Finds lines and columns of values and keys in the document. */
class Places {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  at(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** The value at the path; the innermost thing around it that exists, when it does not. */
  ofValue(path: Path) {
    return this.at(offsetOf(this.#document.contents, path, 'value') ?? 0);
  }

  ofKey(path: Path) {
    return this.at(offsetOf(this.#document.contents, path, 'key') ?? 0);
  }
}

function offsetOf(node: unknown, path: Path, end: 'key' | 'value'): number | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return rangeStart(node);
  if (isSeq(node)) return offsetOf(node.items[Number(head)], rest, end) ?? rangeStart(node);
  if (!isMap(node)) return rangeStart(node);
  const pair = node.items.find(({ key }) => isPairKey(key, head));
  if (!isPair(pair)) return rangeStart(node);
  if (rest.length === 0 && end === 'key') return rangeStart(pair.key);
  return offsetOf(pair.value, rest, end) ?? rangeStart(pair.key);
}

function isPairKey(key: unknown, name: PropertyKey): boolean {
  return isScalar(key) && String(key.value) === String(name);
}

function rangeStart(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, value: unknown, places: Places): readonly SpecProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const known = knownKeys(issue.path);
      return {
        ...places.ofKey(path),
        path: pathText(path),
        message: unknownKeyText(known),
        ...suggested(key, known),
      };
    });
  }
  const { path, message } = issue;
  const values = issue.code === 'invalid_value' ? issue.values.map(String) : [];
  const given = valueAt(value, path);
  return [
    {
      ...places.ofValue(path),
      path: pathText(path),
      message,
      ...(typeof given === 'string' ? suggested(given, values) : {}),
    },
  ];
}

function suggested(given: string, known: readonly string[]): { readonly suggestion?: string } {
  const suggestion = meantWord(given, known, distance);
  return suggestion === undefined ? {} : { suggestion };
}

/** Keys of the mapping at a path; positions in a list lead into its items. */
function knownKeys(path: Path): readonly string[] {
  const mapping = path.reduce<JsonSchema | undefined>(
    (schema, segment) => schema?.items ?? schema?.properties?.[String(segment)],
    specJsonSchema(),
  );
  return Object.keys(mapping?.properties ?? {});
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, segment) => (at as Readonly<Record<PropertyKey, unknown>> | undefined)?.[segment],
    value,
  );
}

/** `pools[0].drain.timeout`. */
function pathText(path: Path): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    return text === '' ? String(segment) : `${text}.${String(segment)}`;
  }, '');
}

/** Two pools of one name would be one workflow; looked at also when other fields are wrong. */
function repeatedPools(value: unknown, places: Places): readonly SpecProblem[] {
  const pools = valueAt(value ?? {}, ['pools']);
  if (!Array.isArray(pools)) return [];
  const names = pools.map((pool: unknown) => valueAt(pool ?? {}, ['name']));
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (typeof name !== 'string' || first === index) return [];
    const path = ['pools', index, 'name'];
    const message = `the name ${name} is taken by pools[${first}]`;
    return [{ ...places.ofValue(path), path: pathText(path), message }];
  });
}
