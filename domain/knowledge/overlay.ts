// Lays what users know over the catalogue that ships. Nothing is lost in silence:
// L1. What ships stays unless a file says `replace: true`, or withdraws it by topic and key.
// L2. Of two files of users that say the same, the first by name holds.
// L3. Whatever has no effect, or another than it says, is told as a conflict.

import { compareTexts } from '../text-order';
import type { KnowledgeItem } from './entries';
import { compareFileMinors, itemId, itemsOf } from './entries';
import type { Knowledge, KnowledgeTopic, ListTopic, MinorKnowledge } from './knowledge';
import { listTopics, singleTopics } from './knowledge';

export interface Withdrawal {
  readonly topic: ListTopic;
  readonly key: string;
  readonly why: string;
}

/** A file of a user's own. */
export interface OverlayFile {
  readonly name: string;
  readonly content: MinorKnowledge & { readonly withdraw: readonly Withdrawal[] };
}

export interface OverlayConflict {
  readonly code: 'ships-already' | 'nothing-to-replace' | 'nothing-to-withdraw' | 'said-before';
  readonly file: string;
  /** `1.31 flags kubelet/cloud-config`. */
  readonly entry: string;
  /** The file that said it first; of `said-before`. */
  readonly first?: string;
}

export interface Overlaid {
  readonly knowledge: Knowledge;
  readonly conflicts: readonly OverlayConflict[];
}

interface Laid extends KnowledgeItem {
  /** The user's file; absent: it ships. */
  readonly file?: string;
}

export function overlayKnowledge(shipped: Knowledge, overlays: readonly OverlayFile[]): Overlaid {
  const items = new Map<string, Laid>(
    shipped.flatMap(itemsOf).map((item) => [itemId(item), item] as const),
  );
  const sorted = overlays.toSorted((a, b) => compareTexts(a.name, b.name));
  const conflicts = sorted.flatMap((overlay) => layOne(items, overlay));
  const minors = new Set([...shipped, ...sorted.map(({ content }) => content)].map(minorOfFile));
  const knowledge = [...minors].toSorted(compareFileMinors).map((minor) =>
    rebuilt({
      minor,
      files: shipped.filter((file) => file.minor === minor),
      overlays: sorted.map(({ content }) => content).filter((file) => file.minor === minor),
      items: [...items.values()].filter((item) => item.minor === minor),
    }),
  );
  return { knowledge, conflicts };
}

/** One sentence. */
export function overlayConflictSentence({ code, file, entry, first }: OverlayConflict): string {
  switch (code) {
    case 'ships-already':
      return `${file}: ${entry} ships already and stays; say replace: true to put yours there`;
    case 'nothing-to-replace':
      return `${file}: ${entry} replaces nothing, and was added`;
    case 'nothing-to-withdraw':
      return `${file}: ${entry} is withdrawn, but it is not in the catalogue`;
    case 'said-before':
      return `${file}: ${entry} was said by ${first} before, which holds`;
  }
}

function layOne(
  items: Map<string, Laid>,
  { name: file, content }: OverlayFile,
): readonly OverlayConflict[] {
  const conflicts: OverlayConflict[] = [];
  for (const { topic, key } of content.withdraw) {
    const id = itemId({ minor: content.minor, topic, key });
    if (!items.delete(id)) conflicts.push({ code: 'nothing-to-withdraw', file, entry: id });
  }
  for (const item of itemsOf(content)) {
    const { replace = false, ...value } = item.value as { readonly replace?: boolean };
    const entry = itemId(item);
    const there = items.get(entry);
    if (there?.file !== undefined) {
      conflicts.push({ code: 'said-before', file, entry, first: there.file });
      continue;
    }
    if (there !== undefined && !replace) {
      conflicts.push({ code: 'ships-already', file, entry });
      continue;
    }
    if (there === undefined && replace) {
      conflicts.push({ code: 'nothing-to-replace', file, entry });
    }
    items.set(entry, { ...item, value: withSource(value, content.sources), file });
  }
  return conflicts;
}

/** A key of a file's own sources means nothing in another file. */
function withSource(value: object, sources: Readonly<Record<string, string>>): object {
  const { source } = value as { readonly source: string };
  return { ...value, source: sources[source] ?? source };
}

interface Parts {
  readonly minor: MinorKnowledge['minor'];
  readonly files: readonly MinorKnowledge[];
  readonly overlays: readonly MinorKnowledge[];
  readonly items: readonly Laid[];
}

function rebuilt({ minor, files, overlays, items }: Parts): MinorKnowledge {
  const all = [...files, ...overlays];
  const isSaid = (topic: KnowledgeTopic): boolean => items.some((item) => item.topic === topic);
  const singles = singleTopics.flatMap((topic) =>
    items.filter((item) => item.topic === topic).map(({ value }) => [topic, value] as const),
  );
  const lists = listTopics
    .filter(isSaid)
    .map((topic) => [topic, items.filter((one) => one.topic === topic).map(({ value }) => value)]);
  const known = [
    ...new Set([...all.flatMap((file) => file.known), ...singles.map(([topic]) => topic)]),
  ];
  const unknown = all
    .flatMap((file) => file.unknown ?? [])
    .filter(({ topic }) => !known.includes(topic));
  const sources = Object.assign({}, ...files.map((file) => file.sources)) as object;
  return {
    schema: 'ascent.knowledge/v1',
    minor,
    sources,
    known,
    unknown,
    ...Object.fromEntries([...singles, ...lists]),
  } as MinorKnowledge;
}

function minorOfFile({ minor }: MinorKnowledge): MinorKnowledge['minor'] {
  return minor;
}
