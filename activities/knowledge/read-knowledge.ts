// Reads files of the catalogue: every problem of all of them at once, each with its file and line.

import type { Document, Node } from 'yaml';
import { isCollection, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';

import { compareFileMinors, itemId, itemsOf } from '../../domain/knowledge/entries';
import type { ApiEntry, KnowledgeTopic, MinorKnowledge } from '../../domain/knowledge/knowledge';
import { knowledgeTopics, listTopics, singleTopics } from '../../domain/knowledge/knowledge';
import type { OverlayFile } from '../../domain/knowledge/overlay';
import type { KubeMinor } from '../../domain/versions';
import { zodWords } from '../adapters/zod-words';
import type { KnowledgeFileKind } from './knowledge-schema';
import { isOwnSource, knowledgeSchemas } from './knowledge-schema';

export interface KnowledgeText {
  readonly name: string;
  readonly text: string;
}

export type KnowledgeResult<File> =
  | { readonly kind: 'read'; readonly files: readonly File[] }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

export type OneResult<File> =
  | { readonly kind: 'read'; readonly file: File }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** An overlay is small; more than this in one text is a mistake, or an attack. */
const aliasesMax = 100;

/** Knowledge as it ships: each file alone, and that nothing is in two of them. Throws nothing. */
export function readShippedKnowledge(
  texts: readonly KnowledgeText[],
): KnowledgeResult<MinorKnowledge> {
  const results = texts.map((one) => readOne<MinorKnowledge>(one, 'shipped'));
  const problems = results.flatMap((one) => (one.kind === 'invalid' ? one.problems : []));
  if (problems.length > 0) return { kind: 'invalid', problems };
  const files = results.flatMap((one) => (one.kind === 'read' ? [one.file] : []));
  const wrong = [...files.flatMap(coverageProblems), ...doubles(files), ...strayed(files)];
  if (wrong.length > 0) return { kind: 'invalid', problems: wrong };
  return { kind: 'read', files: files.toSorted((a, b) => compareFileMinors(a.minor, b.minor)) };
}

/** A user's own files; how they get along with what ships, domain/knowledge/overlay.ts tells. */
export function readOverlays(texts: readonly KnowledgeText[]): KnowledgeResult<OverlayFile> {
  const results = texts.map((one) => ({
    name: one.name,
    result: readOne<OverlayFile['content']>(one, 'overlay'),
  }));
  const problems = results.flatMap(({ result }) =>
    result.kind === 'invalid' ? result.problems : [],
  );
  if (problems.length > 0) return { kind: 'invalid', problems };
  const files = results.flatMap(({ name, result }) =>
    result.kind === 'read' ? [{ name, content: result.file }] : [],
  );
  return { kind: 'read', files };
}

function readOne<File>(text: KnowledgeText, kind: KnowledgeFileKind): OneResult<File> {
  const result = readWith<File>(text, () => knowledgeSchemas[kind]);
  if (result.kind === 'invalid') return result;
  const sourceless = unsourced(result.file as unknown as MinorKnowledge);
  if (sourceless.length === 0) return result;
  return { kind: 'invalid', problems: sourceless.map((problem) => `${text.name}:1: ${problem}`) };
}

/** One file of YAML, by the schema of what it says. Throws nothing for what stands in it. */
export function readWith<File>(
  { name, text }: KnowledgeText,
  schemaFor: (value: unknown) => z.ZodType,
): OneResult<File> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => `${name}:${Math.max(1, lines.linePos(offset).line)}`;
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    return { kind: 'invalid', problems: [`${at(error.pos[0])}: not YAML: ${error.message}`] };
  }
  const value = valueOf(document);
  if (value instanceof Error) {
    return { kind: 'invalid', problems: [`${name}:1: not YAML: ${value.message}`] };
  }
  const parsed = schemaFor(value).safeParse(value, { error: zodWords });
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${at(offsetOf(document, issue.path))}: ${issueText(issue)}`,
    );
    return { kind: 'invalid', problems };
  }
  return { kind: 'read', file: parsed.data as File };
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: aliasesMax }) as unknown;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function issueText({ path, message }: z.core.$ZodIssue): string {
  const place = path.map(String).join('.');
  return place === '' ? message : `${place}: ${message}`;
}

/** Of the innermost thing of the path that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as Node | undefined;
    if (node?.range) return node.range[0];
  }
  return isCollection(document.contents) ? (document.contents.range?.[0] ?? 0) : 0;
}

/** Sources that are neither one of the file's keys nor a source themselves; and idle keys. */
function unsourced(file: MinorKnowledge): readonly string[] {
  const used = itemsOf(file).map(({ value }) => (value as { readonly source: string }).source);
  const strangers = used.filter((one) => !(one in file.sources) && !isOwnSource(one));
  const idle = Object.keys(file.sources).filter((key) => !used.includes(key));
  return [
    ...[...new Set(strangers)].map((one) => `source ${one} is not in sources, and no address`),
    ...idle.map((key) => `sources.${key}: nothing names it`),
  ];
}

/** Each topic is known or unknown, and what is unknown has no entries. */
function coverageProblems(file: MinorKnowledge): readonly string[] {
  const { minor, known, unknown = [] } = file;
  if (minor === 'earlier') return [];
  const said = [...known, ...unknown.map(({ topic }) => topic)];
  const count = (topic: KnowledgeTopic): number => said.filter((one) => one === topic).length;
  return [
    ...knowledgeTopics
      .filter((topic) => count(topic) !== 1)
      .map((topic) => `${minor}: ${topic} must be either known or unknown`),
    ...singleTopics
      .filter((topic) => topic !== 'cgroup' && known.includes(topic) && file[topic] === undefined)
      .map((topic) => `${minor}: ${topic} is known, but not said`),
    ...listTopics
      .filter((topic) => !known.includes(topic) && file[topic] !== undefined)
      .map((topic) => `${minor}: ${topic} is unknown, but has entries`),
  ];
}

function doubles(files: readonly MinorKnowledge[]): readonly string[] {
  const minors = files.map(({ minor }) => `a file of ${minor}`);
  const ids = [...minors, ...files.flatMap(itemsOf).map(itemId)];
  const double = ids.filter((id, index) => ids.indexOf(id) !== index);
  return [...new Set(double)].map((id) => `${id} is there twice`);
}

/** APIs that are in another file than K2 of knowledge.ts says. */
function strayed(files: readonly MinorKnowledge[]): readonly string[] {
  const minors = files.map(({ minor }) => minor);
  return files.flatMap(({ minor, apis = [] }) =>
    apis
      .filter((api) => homeOf(api, minors) !== minor)
      .map(({ group, version, kind }) => `${group}/${version}/${kind} does not belong to ${minor}`),
  );
}

function homeOf(
  { removed, deprecated }: Pick<ApiEntry, 'removed' | 'deprecated'>,
  minors: readonly MinorKnowledge['minor'][],
): MinorKnowledge['minor'] {
  const has = (one: KubeMinor | undefined): one is KubeMinor =>
    one !== undefined && minors.includes(one);
  const newest = minors.toSorted(compareFileMinors).at(-1) ?? 'earlier';
  const isAhead = (one: KubeMinor | undefined): boolean =>
    one !== undefined && compareFileMinors(one, newest) > 0;
  if (has(removed)) return removed;
  if (removed !== undefined && !isAhead(removed)) return 'earlier';
  if (has(deprecated)) return deprecated;
  return isAhead(deprecated) ? newest : 'earlier';
}
