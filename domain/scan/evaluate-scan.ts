// Holds objects of files against the catalogue. Pure: the same files and the same catalogue give
// the same findings in the same order.

import { compareSeverities } from '../findings/finding';
import type { ApiEntry, Knowledge, MinorKnowledge, VolumeEntry } from '../knowledge/knowledge';
import { sourceText, minorFiles, whyUnknown } from '../knowledge/lookups';
import { compareTexts } from '../text-order';
import type { KubeMinor } from '../versions';
import { compareMinors, nextMinor } from '../versions';
import type {
  ManifestObject,
  ScanFinding,
  ScanRange,
  ScannedThing,
  Skipped,
} from './scan-findings';
import { skippedFinding } from './skip-sentences';

export interface ScanInput {
  readonly objects: readonly ManifestObject[];
  readonly skipped: readonly Skipped[];
  readonly knowledge: Knowledge;
  readonly range: ScanRange;
}

interface Known<Entry> {
  readonly entry: Entry;
  readonly file: MinorKnowledge;
}

type Seen = Omit<ScanFinding, 'object'>;

/** Blocking findings first, then by file and line. */
export function evaluateScan({ objects, skipped, knowledge, range }: ScanInput) {
  const apis = apisOf(knowledge);
  const volumes = volumesOf(knowledge, range.to);
  const findings: readonly ScanFinding[] = [
    ...unknownMinors(knowledge, range),
    ...objects.flatMap((object) => [
      ...apiFindings(object, apis, range),
      ...volumeFindings(object, volumes, range),
    ]),
    ...skipped.map(skippedFinding),
  ];
  return findings.toSorted(compareFindings);
}

function apisOf(knowledge: Knowledge): ReadonlyMap<string, Known<ApiEntry>> {
  return new Map(
    knowledge.flatMap((file) =>
      (file.apis ?? []).map((entry) => [`${versionText(entry)} ${entry.kind}`, { entry, file }]),
    ),
  );
}

function versionText({ group, version }: Pick<ApiEntry, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

function apiFindings(
  object: ManifestObject,
  apis: ReadonlyMap<string, Known<ApiEntry>>,
  range: ScanRange,
): readonly ScanFinding[] {
  const { apiVersion, kind } = object;
  const known = apis.get(`${apiVersion} ${kind}`) ?? apis.get(`${apiVersion} *`);
  if (known === undefined) return [];
  const seen = apiSeen(known, range);
  if (seen === undefined) return [];
  const evidence = `${apiVersion} ${kind}`;
  return [{ ...seen, object: thingOf(object), evidence }];
}

function apiSeen(
  { entry, file }: Known<ApiEntry>,
  { from, to }: ScanRange,
): Omit<Seen, 'evidence'> | undefined {
  const { removed, deprecated } = entry;
  const rest = { remedy: apiRemedy(entry), source: sourceText(file, entry.source) };
  if (removed !== undefined && isUpTo(removed, to) && isInCatalogue(removed, file)) {
    const isOld = from !== undefined && isUpTo(removed, from);
    const since = isOld ? `since ${removed} already, and so before the path begins` : 'any more';
    const why = isOld
      ? `${readerOf(entry)} of ${from} does not ${verbOf(entry)} it, ${since}`
      : `${readerOf(entry)} of ${removed} does not ${verbOf(entry)} it ${since}`;
    return { check: 'api-removed', severity: 'blocks', why, ...rest };
  }
  if (deprecated === undefined || !isUpTo(deprecated, to)) return undefined;
  const plan = removed === undefined ? 'no removal is planned' : `${removed} will not have it`;
  const why = `deprecated since ${deprecated}; ${plan}`;
  return { check: 'api-deprecated', severity: 'warns', why, ...rest };
}

/** A removal in a minor that the catalogue does not have is a plan. */
function isInCatalogue(removed: KubeMinor, file: MinorKnowledge): boolean {
  return file.minor === 'earlier' || isUpTo(removed, file.minor);
}

function readerOf({ scope, component }: ApiEntry): string {
  return scope === 'file' ? (component ?? 'the component that reads it') : 'an API server';
}

function verbOf({ scope }: ApiEntry): string {
  return scope === 'file' ? 'read' : 'serve';
}

function apiRemedy({ replacement, note }: ApiEntry): string {
  const what =
    replacement === undefined
      ? 'take it out; nothing takes its place'
      : `write it as ${replacement}`;
  return note === undefined ? what : `${what} (${note})`;
}

function volumesOf(knowledge: Knowledge, to: KubeMinor): readonly (Known<VolumeEntry> & Since)[] {
  return minorFiles(knowledge)
    .filter(({ minor }) => isUpTo(minor, to))
    .flatMap((file) => (file.volumes ?? []).map((entry) => ({ entry, file, since: file.minor })));
}

interface Since {
  readonly since: KubeMinor;
}

function volumeFindings(
  object: ManifestObject,
  volumes: readonly (Known<VolumeEntry> & Since)[],
  { to }: ScanRange,
): readonly ScanFinding[] {
  return object.volumes.flatMap(({ field, provisioner, line }) => {
    const known = volumes.find(
      ({ entry }) => entry.field === field || entry.provisioner === provisioner,
    );
    if (known === undefined) return [];
    const { entry, file, since } = known;
    const place = { file: object.place.file, line };
    return [
      {
        check: 'volume-removed',
        severity: 'warns',
        object: { ...thingOf(object), place },
        evidence:
          field === undefined ? `provisioner ${entry.provisioner}` : `a volume of type ${field}`,
        why:
          entry.driver === undefined
            ? `${since} took its driver out of Kubernetes, and nothing mounts it in ${to}`
            : `${since} took its driver out of Kubernetes; only a CSI driver mounts it in ${to}`,
        remedy:
          entry.driver === undefined
            ? 'move the data to a volume of a CSI driver before that hop'
            : `see that the CSI driver ${entry.driver} is installed`,
        source: sourceText(file, entry.source),
      },
    ] as const;
  });
}

function unknownMinors(knowledge: Knowledge, { from, to }: ScanRange): readonly ScanFinding[] {
  return minorsOf({ from, to }).flatMap((minor) => {
    const why = whyUnknown(knowledge, minor, 'apis');
    if (why === undefined) return [];
    return [
      {
        check: 'minor-unknown',
        severity: 'warns',
        object: {},
        evidence: `removed APIs are not known for ${minor}: ${why}`,
        why: 'what that minor removes could not be looked for',
        remedy: 'say it with --knowledge (docs/knowledge.md), or take a newer Ascent',
      },
    ] as const;
  });
}

interface Ends {
  readonly from: KubeMinor | undefined;
  readonly to: KubeMinor;
}

/** The minors that hops of the range go to. */
function minorsOf({ from, to }: Ends): readonly KubeMinor[] {
  const minors: KubeMinor[] = [];
  for (let at = from === undefined ? to : nextMinor(from); isUpTo(at, to); at = nextMinor(at)) {
    minors.push(at);
  }
  return minors;
}

function isUpTo(minor: KubeMinor, limit: KubeMinor): boolean {
  return compareMinors(minor, limit) <= 0;
}

function thingOf({ place, apiVersion, kind, namespace, name }: ManifestObject): ScannedThing {
  return {
    place,
    apiVersion,
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

function compareFindings(a: ScanFinding, b: ScanFinding): number {
  return (
    compareSeverities(a.severity, b.severity) ||
    compareTexts(a.object.place?.file ?? '', b.object.place?.file ?? '') ||
    lineOf(a) - lineOf(b) ||
    compareTexts(a.check, b.check) ||
    compareTexts(a.evidence, b.evidence)
  );
}

function lineOf({ object }: ScanFinding): number {
  return object.place?.line ?? 0;
}
