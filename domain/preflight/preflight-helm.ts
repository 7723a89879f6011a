// The part of the preflight that looks at what Helm has stored: it reads the last manifest of a
// release again when it upgrades or rolls back, with the API versions that stand in it.

import { count } from '../counts';
import type { HelmFlaw, HelmRelease, HelmReleasesObservation } from '../helm-releases';
import type { Knowledge } from '../knowledge/knowledge';
import { whyUnknown } from '../knowledge/lookups';
import { shippedKnowledge } from '../knowledge/shipped';
import { boundedList } from '../lists';
import type { Observation } from '../observation';
import { evaluateScan } from '../scan/evaluate-scan';
import type { ScanFinding } from '../scan/scan-findings';
import { compareTexts } from '../text-order';
import { minorOf } from '../versions';
import type { Finding } from './findings';
import type { PreflightFacts } from './preflight-cluster';

interface HelmFacts {
  readonly observation: Pick<Observation, 'helmReleases'>;
  readonly hop: PreflightFacts['hop'];
  readonly knowledge?: Knowledge;
}

export function helmFindings({
  observation: { helmReleases: seen },
  hop,
  knowledge = shippedKnowledge,
}: HelmFacts): readonly Finding[] {
  if (seen === undefined) return [];
  return [
    ...unlistedFindings(seen),
    ...seen.unread.map(({ name, revision, flaw }): Finding => ({
      code: 'helm-release-unread',
      severity: 'warns',
      object: { kind: 'helm-release', name },
      message: `its revision ${revision} ${flawTexts[flaw]}: which APIs it has is not known`,
      remedy: `see it by hand: helm get manifest ${byName(name)}`,
    })),
    ...unknownFindings(seen, hop, knowledge),
    ...seen.releases.flatMap((release) => releaseFindings(release, hop, knowledge)),
  ];
}

const flawTexts: Readonly<Record<HelmFlaw, string>> = {
  corrupt: 'is not as Helm writes it',
  'too-large': 'is larger than is read',
  'too-deep': 'is nested too deeply',
  'manifest-unread': 'has a manifest that is not readable as YAML',
};

function unlistedFindings({ unlisted, leftOut }: HelmReleasesObservation): readonly Finding[] {
  const cluster = { kind: 'cluster' } as const;
  const left: Finding = {
    code: 'helm-releases-left-out',
    severity: 'warns',
    object: cluster,
    message: `${count(leftOut, 'Helm release')} not looked at: there are more than are read`,
    remedy: 'scan those by hand: helm get manifest NAME -n NAMESPACE | ascent scan -',
  };
  return [
    ...unlisted.map(({ store, problem }): Finding => ({
      code: 'helm-releases-unobserved',
      severity: 'warns',
      object: cluster,
      message: `Helm releases that are kept in ${store} were not looked at: ${problem.message}`,
      remedy:
        `allow it to get and list ${store}: deploy/rbac/helm.yaml has the rule;` +
        ' or take helmReleases out of the access file',
      about: store,
    })),
    ...(leftOut === 0 ? [] : [left]),
  ];
}

/** Only where there is something to know it for. */
function unknownFindings(
  { releases }: HelmReleasesObservation,
  hop: PreflightFacts['hop'],
  knowledge: Knowledge,
): readonly Finding[] {
  const to = minorOf(hop.to);
  const why = whyUnknown(knowledge, to, 'apis');
  if (releases.length === 0 || why === undefined) return [];
  return [
    {
      code: 'removed-apis-unknown',
      severity: 'notes',
      object: { kind: 'cluster' },
      message: `which APIs ${to} removes is not known: ${why}`,
      remedy: 'take a newer Ascent, or read the notes of that minor',
    },
  ];
}

function releaseFindings(
  { name, revision, chart, objects }: HelmRelease,
  hop: PreflightFacts['hop'],
  knowledge: Knowledge,
): readonly Finding[] {
  const range = { from: minorOf(hop.from), to: minorOf(hop.to) };
  const found = evaluateScan({ objects, skipped: [], knowledge, range });
  const object = { kind: 'helm-release', name } as const;
  const of = `revision ${revision}${chart === undefined ? '' : ` (chart ${chart})`}`;
  const removed = found.filter(({ check }) => check === 'api-removed');
  const deprecated = found.filter(({ check }) => check === 'api-deprecated');
  const gone: Finding = {
    code: 'helm-api-removed',
    severity: 'warns',
    object,
    message:
      `${of} has what ${range.to} does not serve: ${listOf(removed)};` +
      ' helm upgrade and rollback of it fail from then on',
    remedy: `${remedyOf(removed)}, in a new revision; else: helm mapkubeapis ${byName(name)}`,
    evidence: { apis: apisOf(removed) },
  };
  const later: Finding = {
    code: 'helm-api-deprecated',
    severity: 'notes',
    object,
    message: `${of} has what is deprecated: ${listOf(deprecated)}`,
    remedy: `${remedyOf(deprecated)}, in a new revision`,
    evidence: { apis: apisOf(deprecated) },
  };
  return [...(removed.length === 0 ? [] : [gone]), ...(deprecated.length === 0 ? [] : [later])];
}

/** Without the objects: there may be many. */
function apisOf(found: readonly ScanFinding[]): readonly string[] {
  return [...new Set(found.map(({ evidence }) => evidence))].toSorted(compareTexts);
}

function byName(release: string): string {
  const [namespace, name] = release.split('/');
  return `${name} -n ${namespace}`;
}

/** `policy/v1beta1 PodSecurityPolicy restricted (web/templates/psp.yaml)`. */
function listOf(found: readonly ScanFinding[]): string {
  return boundedList(
    found.map(({ evidence, object: { name, place } }) =>
      [evidence, ...(name === undefined ? [] : [name]), `(${place?.file})`].join(' '),
    ),
  );
}

function remedyOf(found: readonly ScanFinding[]): string {
  return boundedList([...new Set(found.map(({ remedy }) => remedy))]);
}
