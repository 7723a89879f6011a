// Questions to the catalogue. What it does not know, it says (K1 of knowledge.ts).

import type { KubeMinor } from '../versions';
import { compareMinors } from '../versions';
import type { CgroupEntry, Knowledge, KnowledgeTopic, MinorKnowledge } from './knowledge';

const notInCatalogue = 'the catalogue has no file of this minor';
const notSaid = 'its file does not say';

/** Files of minors, oldest first. */
export function minorFiles(
  knowledge: Knowledge,
): readonly (MinorKnowledge & { readonly minor: KubeMinor })[] {
  return knowledge
    .filter((file): file is MinorKnowledge & { minor: KubeMinor } => file.minor !== 'earlier')
    .toSorted((a, b) => compareMinors(a.minor, b.minor));
}

export function fileOf(knowledge: Knowledge, minor: KubeMinor): MinorKnowledge | undefined {
  return knowledge.find((file) => file.minor === minor);
}

/** Why a topic of a minor is not known; undefined when it is. */
export function whyUnknown(
  knowledge: Knowledge,
  minor: KubeMinor,
  topic: KnowledgeTopic,
): string | undefined {
  const file = fileOf(knowledge, minor);
  if (file === undefined) return notInCatalogue;
  if (file.known.includes(topic)) return undefined;
  return (file.unknown ?? []).find((one) => one.topic === topic)?.why ?? notSaid;
}

/** From `since` on; undefined as long as nothing is said against version 1. */
export function cgroupV1Of(
  knowledge: Knowledge,
  minor: KubeMinor,
): { readonly state: CgroupEntry['v1']; readonly maintainedSince: KubeMinor } | undefined {
  const said = minorFiles(knowledge).flatMap((file) =>
    file.cgroup !== undefined && compareMinors(file.minor, minor) <= 0
      ? [{ state: file.cgroup.v1, since: file.minor }]
      : [],
  );
  const [first] = said;
  const last = said.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { state: last.state, maintainedSince: first.since };
}

/** A source of an entry, with keys of its file resolved (K3). */
export function sourceText(file: Pick<MinorKnowledge, 'sources'>, source: string): string {
  return file.sources[source] ?? source;
}
