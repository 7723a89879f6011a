// The part of the preflight that tells which breaking changes of a minor apply to this cluster:
// those of the catalogue that say when they do, held against what was seen.
// B1. A change without `applies` is for people to read: nothing is said of it.
// B2. One of the conditions is enough. What was not looked at meets none; that it was not is told
//     by who looks.

import { addonOf } from '../knowledge/addons';
import type { ChangeCondition, ChangeEntry, Knowledge } from '../knowledge/knowledge';
import { minorFiles, sourceText } from '../knowledge/lookups';
import { shippedAddons } from '../knowledge/shipped-addons';
import { shippedKnowledge } from '../knowledge/shipped';
import { boundedList } from '../lists';
import type { MachineFacts } from '../machine-observation';
import type { Observation } from '../observation';
import { compareTexts } from '../text-order';
import { compareVersions, isOnTheWay } from '../versions';
import type { Finding } from './findings';
import type { PreflightFacts } from './preflight-cluster';

type Seen = Pick<
  Observation,
  'staticPods' | 'configMaps' | 'machines' | 'storedObjects' | 'volumes' | 'addons'
>;

interface ChangeFacts {
  readonly observation: Seen;
  readonly hop: PreflightFacts['hop'];
  readonly knowledge?: Knowledge;
}

/** The evidence names no more places: a cluster may have thousands of objects. */
const placesMax = 100;

export function changeFindings({
  observation,
  hop,
  knowledge = shippedKnowledge,
}: ChangeFacts): readonly Finding[] {
  return minorFiles(knowledge)
    .filter(({ minor }) => isOnTheWay(minor, hop))
    .flatMap((file) =>
      (file.changes ?? []).flatMap((entry) => {
        const places = placesOf(entry, observation);
        if (places.length === 0) return [];
        return [
          changeFinding(entry, { places, in: file.minor, see: sourceText(file, entry.source) }),
        ];
      }),
    );
}

/** Where it is seen that the change applies, each place once; nowhere: it does not, or may not. */
function placesOf({ applies = [] }: ChangeEntry, seen: Seen): readonly string[] {
  const places = new Set(applies.flatMap((condition) => placesWhere(condition, seen)));
  return [...places].toSorted(compareTexts);
}

function changeFinding(
  { id, severity, appliesTo, what, remedy }: ChangeEntry,
  { places, in: minor, see }: Record<'in' | 'see', string> & { readonly places: readonly string[] },
): Finding {
  return {
    code: 'breaking-change',
    severity,
    object: { kind: 'cluster' },
    message: `${minor} changes something for ${appliesTo} (${boundedList(places)}): ${bare(what)}`,
    remedy: `${bare(remedy)}; see ${see}`,
    about: id,
    evidence: { minor, places: places.slice(0, placesMax) },
    figures: { places: places.length },
  };
}

/** Sentences of findings end where they are told. */
function bare(sentence: string): string {
  return sentence.replace(/\.$/, '');
}

type ConditionOf<When extends ChangeCondition['when']> = Extract<
  ChangeCondition,
  { readonly when: When }
>;

type Places<When extends ChangeCondition['when']> = (
  condition: ConditionOf<When>,
  seen: Seen,
) => readonly string[];

function placesWhere(condition: ChangeCondition, seen: Seen): readonly string[] {
  const places = placesBy[condition.when] as Places<ChangeCondition['when']>;
  return places(condition, seen);
}

const placesBy: { readonly [When in ChangeCondition['when']]: Places<When> } = {
  always: () => ['every cluster'],
  flag: (condition, seen) =>
    toldIn(seen)
      .filter(({ component }) => component === condition.component)
      .flatMap((told) => told.flags.flatMap((flag) => flagPlace(flag, condition, told))),
  gate: ({ gate }, seen) =>
    toldIn(seen)
      .filter(({ gates }) => gates.includes(gate))
      .map(({ place }) => `${place}: feature gate ${gate}`),
  field: ({ file, field, is }, seen) =>
    toldIn(seen)
      .filter(({ component, values }) => component === file && values[field] === is)
      .map(({ place }) => `${place}: ${field} ${is}`),
  stored: ({ api, kind: only }, { storedObjects }) =>
    (storedObjects?.uses ?? [])
      .filter(({ apiVersion, kind }) => apiVersion === api && (only ?? kind) === kind)
      .map(({ kind, object }) => `${kind} ${object}`),
  volume: (condition, { volumes }) =>
    (volumes?.uses ?? [])
      .filter(({ field }) => field === condition.field)
      .map(({ kind, name }) => `${kind} ${name}`),
  addon: (condition, { addons }) =>
    (addons?.workloads ?? [])
      .filter(({ images }) =>
        images.some((image) => addonOf(image, shippedAddons)?.addon === condition.addon),
      )
      .map(({ workload }) => workload),
  'containerd-below': ({ version: oldest }, seen) =>
    machinesWhere(seen, ({ runtime }) => {
      if (runtime?.name !== 'containerd') return undefined;
      const { version } = runtime;
      return compareVersions(version, oldest) < 0 ? `containerd ${version}` : undefined;
    }),
  'cgroup-v1': (_, seen) =>
    machinesWhere(seen, ({ cgroup }) => (cgroup === 1 ? 'control groups of version 1' : undefined)),
};

interface Told {
  readonly place: string;
  readonly component: string;
  readonly flags: readonly string[];
  readonly gates: readonly string[];
  readonly values: Readonly<Record<string, string>>;
}

/** What components are told, wherever that is seen. */
function toldIn({ staticPods = [], configMaps, machines = [] }: Seen): readonly Told[] {
  const ofMachines = machines.flatMap((machine) =>
    machine.kind === 'unobserved'
      ? []
      : machine.facts.components.map((one) => ({
          ...one,
          // Values of flags stay on the machine.
          values: {},
          place: `machine ${machine.name}`,
        })),
  );
  const maps = configMaps?.options ?? [];
  return [
    ...staticPods.map(({ pod, values = {}, ...one }) => {
      return { ...one, values, place: `Pod kube-system/${pod}` };
    }),
    ...maps.map(({ map, values = {}, ...one }) => {
      return { ...one, values, place: `ConfigMap kube-system/${map}` };
    }),
    ...ofMachines,
  ];
}

/** `experimental-*`: every flag that begins so. */
function flagPlace(
  flag: string,
  { flag: wanted, isNot }: ConditionOf<'flag'>,
  { place, values }: Told,
): readonly string[] {
  const isMeant = wanted.endsWith('*') ? flag.startsWith(wanted.slice(0, -1)) : flag === wanted;
  if (!isMeant) return [];
  if (isNot === undefined) return [`${place}: --${flag}`];
  const value = values[flag];
  return value === undefined || isNot.includes(value) ? [] : [`${place}: --${flag}=${value}`];
}

function machinesWhere(
  { machines = [] }: Seen,
  saidOf: (facts: MachineFacts) => string | undefined,
): readonly string[] {
  return machines.flatMap((machine) => {
    const said = machine.kind === 'unobserved' ? undefined : saidOf(machine.facts);
    return said === undefined ? [] : [`machine ${machine.name}: ${said}`];
  });
}
