// The part of the preflight that holds add-ons against what their projects say of the minor that
// the hop goes to. What they do not say is told as such (A1 of domain/knowledge/addons.ts).

import type { AddonsObservation } from '../addons';
import { withOwnAddons } from '../knowledge/addon-overlay';
import type {
  Addon,
  AddonReleases,
  FollowingAddon,
  KnownAddon,
  ListedAddon,
} from '../knowledge/addons';
import { addonOf, addonVersion, parseImage, releasesOf } from '../knowledge/addons';
import { shippedAddons } from '../knowledge/shipped-addons';
import { boundedList } from '../lists';
import type { Observation } from '../observation';
import { compareTexts } from '../text-order';
import type { KubeMinor } from '../versions';
import { compareMinors, minorOf } from '../versions';
import type { Finding } from './findings';
import type { PreflightFacts } from './preflight-cluster';

interface AddonFacts {
  readonly observation: Pick<Observation, 'addons' | 'extensions'>;
  readonly hop: PreflightFacts['hop'];
  readonly isAhead?: boolean;
  readonly known?: readonly Addon[];
}

interface FoundAddon {
  readonly addon: Addon;
  readonly version?: string;
  /** Workloads or definitions. */
  readonly by: readonly string[];
}

interface Minors {
  readonly from: KubeMinor;
  readonly to: KubeMinor;
  readonly isAhead: boolean;
}

export function addonFindings({
  observation,
  hop,
  isAhead = false,
  known: shipped = shippedAddons,
}: AddonFacts): readonly Finding[] {
  const { addons, extensions } = observation;
  if (addons === undefined) return [];
  const minors = { from: minorOf(hop.from), to: minorOf(hop.to), isAhead };
  const { own } = addons;
  const known = own?.kind === 'read' ? withOwnAddons(shipped, own.addons) : shipped;
  const byImage = foundByImage(addons, known);
  const there = new Set(byImage.map(({ addon }) => addon.addon));
  const names = (extensions?.definitions ?? []).map(({ name }) => name);
  const byDefinition = known
    .filter(({ addon }) => !there.has(addon))
    .flatMap((addon): readonly FoundAddon[] => {
      const by = (addon.definitions ?? []).filter((name) => names.includes(name));
      return by.length === 0 ? [] : [{ addon, by }];
    });
  return [
    ...(own?.kind === 'unread' ? [unreadFinding(own.problems)] : []),
    ...addons.unlisted.map(({ kind, problem }): Finding => ({
      code: 'addons-unobserved',
      severity: 'warns',
      object: { kind: 'cluster' },
      message: `add-ons that are ${kind} were not looked for: ${problem.message}`,
      remedy: `allow the worker to list ${kind}: deploy/rbac/planner.yaml has the rule`,
      about: kind,
    })),
    ...[...byImage, ...byDefinition].map((one) => findingOf(one, minors)).filter(isThere),
  ];
}

/** Of problems with files; who has more of them mends these first. */
const toldProblems = 50;

function unreadFinding(problems: readonly string[]): Finding {
  const others = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  return {
    code: 'addon-files-unread',
    severity: 'warns',
    object: { kind: 'cluster' },
    message: `your own files of add-ons count for nothing: ${problems[0]}${others}`,
    remedy: 'correct them: docs/knowledge.md says what stands in them',
    evidence: { problems: problems.slice(0, toldProblems) },
  };
}

function isThere(finding: Finding | undefined): finding is Finding {
  return finding !== undefined;
}

function foundByImage(
  { workloads }: AddonsObservation,
  known: readonly Addon[],
): readonly FoundAddon[] {
  const found = new Map<string, FoundAddon>();
  for (const { workload, images, version: label = '' } of workloads) {
    for (const image of images) {
      const addon = addonOf(image, known);
      if (addon === undefined) continue;
      const { tag = '' } = parseImage(image);
      const ofTag = addon.versionFrom === 'label' ? undefined : addonVersion(tag);
      const version = ofTag ?? addonVersion(label);
      const key = `${addon.addon} ${version}`;
      const by = found.get(key)?.by ?? [];
      const all = [...new Set([...by, workload])].toSorted(compareTexts);
      found.set(key, { addon, ...(version === undefined ? {} : { version }), by: all });
    }
  }
  return [...found.values()];
}

function findingOf(found: FoundAddon, minors: Minors): Finding | undefined {
  const { addon, version } = found;
  const { to } = minors;
  if ('unknown' in addon) {
    const { why, source } = addon.unknown;
    return unknownFinding(found, to, { why, see: `: ${sourceOf(addon, source)}` });
  }
  const because = (why: string) => unknownFinding(found, to, { why, see: '' });
  if (version === undefined) return because('which release it is could not be told');
  if ('follows' in addon) return followingFinding({ ...found, addon, version }, minors);
  const releases = releasesOf(addon, version);
  if (releases === undefined) return because(`nothing is known of ${version}`);
  return releaseFinding({ ...found, addon, version }, releases, minors);
}

function unknownFinding(
  { addon, version, by }: FoundAddon,
  to: KubeMinor,
  { why, see }: { readonly why: string; readonly see: string },
): Finding {
  const name = version === undefined ? addon.title : `${addon.title} ${version}`;
  return {
    code: 'addon-unknown',
    severity: 'notes',
    object: { kind: 'addon', name: addon.addon },
    message: `${name} (${boundedList(by)}): whether it fits ${to} is not known: ${why}`,
    remedy: `see what its project says${see}`,
    ...(version === undefined ? {} : { about: version }),
    ...(addon.file === undefined ? {} : { evidence: { file: addon.file } }),
  };
}

function sourceOf({ sources }: Addon, key: string): string {
  const source = sources[key];
  return source === undefined ? key : `${source.url} (of ${source.date})`;
}

interface OneOf<Known extends KnownAddon> extends FoundAddon {
  readonly addon: Known;
  readonly version: string;
}

function releaseFinding(
  found: OneOf<ListedAddon>,
  { from, to: newest, source, file = found.addon.file }: AddonReleases,
  minors: Minors,
): Finding | undefined {
  const { to } = minors;
  const isTooNew = newest !== undefined && compareMinors(to, newest) > 0;
  if (!isTooNew && compareMinors(to, from) >= 0) return undefined;
  const said = newest === undefined ? `${from} and newer` : rangeText(from, newest);
  const remedy = newerRelease(found.addon, minors);
  // A cluster that is too old for it comes nearer by the hop.
  return incompatible(found, { said, source, file, remedy, isHarmed: isTooNew }, minors);
}

function rangeText(from: string, to: string): string {
  return from === to ? from : `${from} to ${to}`;
}

function newerRelease({ releases }: ListedAddon, { from, to }: Minors): string {
  const fits = (minor: KubeMinor) => (one: AddonReleases) =>
    compareMinors(minor, one.from) >= 0 &&
    (one.to === undefined || compareMinors(minor, one.to) <= 0);
  const both = releases.filter(fits(from)).findLast(fits(to));
  if (both !== undefined) return `bring it to ${both.first} first, which goes with both minors`;
  const later = releases.find(fits(to));
  return later === undefined
    ? 'see whether a newer release fits'
    : `bring it to ${later.first} after the control plane, as none is known for both minors`;
}

function followingFinding(found: OneOf<FollowingAddon>, minors: Minors): Finding | undefined {
  const { behind, source } = found.addon.follows;
  // It has time to follow until then, and is looked at again.
  if (minors.isAhead && behind > 0) return undefined;
  const [major, minor] = found.version.split('.').map(Number) as [number, number];
  const [toMajor, toMinor] = minors.to.split('.').map(Number) as [number, number];
  if (major === toMajor && minor >= toMinor - behind && minor <= toMinor) return undefined;
  const said = rangeText(`${major}.${minor}`, `${major}.${minor + behind}`);
  const remedy =
    behind === 0
      ? `bring it to ${minors.to} with the control plane`
      : `bring it to ${minors.from} first`;
  const { file } = found.addon;
  return incompatible(found, { said, source, file, remedy, isHarmed: true }, minors);
}

interface Incompatible {
  readonly said: string;
  readonly source: string;
  /** The user's file that says so. */
  readonly file: string | undefined;
  readonly remedy: string;
  /** By the hop; else it is as before. */
  readonly isHarmed: boolean;
}

function incompatible(
  { addon, version, by }: OneOf<KnownAddon>,
  { said, source, file, remedy, isHarmed }: Incompatible,
  { to }: Minors,
): Finding {
  const { statement, title } = addon;
  const isBlocking = statement === 'requires' && isHarmed;
  const who = file === undefined ? 'its project' : `${file} says that its project`;
  return {
    // Advice says nothing of what does not work.
    ...(statement === 'recommends'
      ? { code: 'addon-unknown', severity: 'notes' }
      : { code: 'addon-incompatible', severity: isBlocking ? 'blocks' : 'warns' }),
    object: { kind: 'addon', name: addon.addon },
    message:
      `${title} ${version} (${boundedList(by)}):` + ` ${who} ${statement} ${said}, not ${to}`,
    remedy: `${remedy}; see ${sourceOf(addon, source)}`,
    about: version,
    evidence: { workloads: by, says: said, ...(file === undefined ? {} : { file }) },
  };
}
