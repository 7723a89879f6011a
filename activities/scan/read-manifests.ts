// Objects of one text of YAML or JSON: several documents, lists in them, each with its line. What
// cannot be read is told and the rest is still read (C2 of domain/scan/scan-findings.ts). Bounded
// before anything is built from the text: documents, nesting, aliases.

import type { Document, Node, YAMLMap } from 'yaml';
import { isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml';

import type { ManifestObject, Skipped, VolumeUse } from '../../domain/scan/scan-findings';

export const documentsMax = 10_000;
/** People write ten or twenty levels; scripts in manifests have brackets that nobody closes. */
const nestingMax = 5_000;
/** Of spaces before a line: as many levels, or text that is no manifest. */
const indentMax = 1_000;
const aliasesMax = 100;
const detailMax = 200;

const indentPattern = new RegExp(`^ {${indentMax}}`, 'm');

export interface ManifestText {
  readonly file: string;
  readonly text: string;
}

export interface ReadManifests {
  readonly documents: number;
  readonly objects: readonly ManifestObject[];
  readonly skipped: readonly Skipped[];
}

interface Reading {
  readonly file: string;
  readonly lines: LineCounter;
  readonly text: string;
}

/** Throws nothing for what stands in the text. */
export function readManifests({ file, text }: ManifestText): ReadManifests {
  const whole = (reason: Skipped['reason'], detail?: string): ReadManifests => ({
    documents: 0,
    objects: [],
    skipped: [{ place: { file, line: 1 }, isDocument: false, reason, ...detailOf(detail) }],
  });
  if (text.includes('\0')) return whole('binary');
  if (countOf(text, /^---/gm) > documentsMax) return whole('too-many-documents');
  if (nestingOf(text) > nestingMax || indentPattern.test(text)) return whole('too-deep');
  const lines = new LineCounter();
  let documents: readonly Document[];
  try {
    const options = { lineCounter: lines, prettyErrors: false, logLevel: 'silent' } as const;
    documents = [...parseAllDocuments(text, options)];
  } catch (error) {
    // The parser calls itself for every level.
    if (error instanceof RangeError) return whole('too-deep');
    throw error;
  }
  const read = documents.map((document) => readDocument(document, { file, lines, text }));
  return {
    documents: documents.length,
    objects: read.flatMap((one) => one.objects),
    skipped: read.flatMap((one) => one.skipped),
  };
}

function countOf(text: string, pattern: RegExp): number {
  let count = 0;
  for (const _ of text.matchAll(pattern)) count += 1;
  return count;
}

/** Of brackets; too high where texts hold brackets that are never closed. */
function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let index = 0; index < text.length; index += 1) {
    const letter = text[index];
    if (letter === '[' || letter === '{') deepest = Math.max(deepest, (depth += 1));
    else if (letter === ']' || letter === '}') depth = Math.max(0, depth - 1);
    else if (letter === '\n' && text.startsWith('---', index + 1)) depth = 0;
  }
  return deepest;
}

function readDocument(document: Document, reading: Reading): Omit<ReadManifests, 'documents'> {
  const skip = (reason: Skipped['reason'], offset: number, detail?: string) => {
    const place = { file: reading.file, line: lineOf(reading, offset) };
    return { objects: [], skipped: [{ place, isDocument: true, reason, ...detailOf(detail) }] };
  };
  const [error] = document.errors;
  const [begin = 0, , end = reading.text.length] = document.range ?? [];
  if (error !== undefined) {
    return reading.text.slice(begin, end).includes('{{')
      ? skip('template', begin)
      : skip('not-yaml', error.pos[0], error.message);
  }
  try {
    if (!isMap(document.contents)) return { objects: [], skipped: [] };
    document.toJS({ maxAliasCount: aliasesMax });
    const objects = objectsOf(document.contents, reading, {});
    // What can be seen of it is looked at all the same.
    return { objects, skipped: isTemplate(document) ? skip('template', begin).skipped : [] };
  } catch (problem) {
    if (problem instanceof ReferenceError) return skip('aliases', begin, problem.message);
    if (problem instanceof RangeError) return skip('too-deep', begin);
    throw problem;
  }
}

/** `{{ .Values.a }}` without quotes is YAML by chance: a mapping for the key of a mapping. */
function isTemplate(document: Document): boolean {
  let found = false;
  visit(document, {
    Pair: (_, { key }) => {
      found ||= isMap(key);
      return found ? visit.BREAK : undefined;
    },
  });
  return found;
}

function detailOf(detail: string | undefined): { readonly detail?: string } {
  return detail === undefined ? {} : { detail: detail.slice(0, detailMax) };
}

function lineOf({ lines }: Pick<Reading, 'lines'>, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

/** What items say that do not say it themselves; those of a plain `List` say it. */
interface ListOf {
  readonly apiVersion?: string;
  readonly kind?: string;
}

/** Objects of a list instead of the list. */
function objectsOf(map: YAMLMap, reading: Reading, list: ListOf): readonly ManifestObject[] {
  const apiVersion = textAt(map, ['apiVersion']) ?? list.apiVersion;
  const kind = textAt(map, ['kind']) ?? list.kind;
  if (apiVersion === undefined || kind === undefined) return [];
  const items = map.get('items', true);
  if (isSeq(items) && kind.endsWith('List')) {
    const ofItems = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    return items.items.flatMap((item) => (isMap(item) ? objectsOf(item, reading, ofItems) : []));
  }
  const place = { file: reading.file, line: lineOf(reading, map.range?.[0] ?? 0) };
  const volumes = volumesOf(map, kind, reading);
  return [{ place, apiVersion, kind, ...namesOf(map), volumes }];
}

function namesOf(map: YAMLMap): Pick<ManifestObject, 'namespace' | 'name'> {
  const name = textAt(map, ['metadata', 'name']) ?? textAt(map, ['metadata', 'generateName']);
  const namespace = textAt(map, ['metadata', 'namespace']);
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

function textAt(map: YAMLMap, path: readonly string[]): string | undefined {
  const value: unknown = map.getIn(path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function volumesOf(map: YAMLMap, kind: string, reading: Reading): readonly VolumeUse[] {
  if (kind === 'StorageClass') {
    const provisioner = textAt(map, ['provisioner']);
    const node = map.get('provisioner', true) as Node | undefined;
    const line = lineOf(reading, node?.range?.[0] ?? 0);
    return provisioner === undefined ? [] : [{ provisioner, line }];
  }
  if (kind === 'PersistentVolume') return fieldsOf(map.get('spec'), reading);
  const uses: VolumeUse[] = [];
  // Wherever containers stand, in a pod or in the template of one.
  visit(map, {
    Map: (_, inner) => {
      const volumes = inner.has('containers') ? inner.get('volumes') : undefined;
      if (!isSeq(volumes)) return;
      uses.push(...volumes.items.flatMap((volume) => fieldsOf(volume, reading)));
    },
  });
  return uses;
}

function fieldsOf(node: unknown, reading: Reading): readonly VolumeUse[] {
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key) || typeof pair.key.value !== 'string') return [];
    return [{ field: pair.key.value, line: lineOf(reading, pair.key.range?.[0] ?? 0) }];
  });
}
