// The part of the preflight that looks at volumes whose driver the hop takes out of Kubernetes:
// what is mounted stays mounted, and no kubelet of the new minor mounts it again.

import type { Knowledge, VolumeEntry } from '../knowledge/knowledge';
import { minorFiles } from '../knowledge/lookups';
import { shippedKnowledge } from '../knowledge/shipped';
import { boundedList } from '../lists';
import type { Observation } from '../observation';
import { compareTexts } from '../text-order';
import { isOnTheWay, minorOf } from '../versions';
import type { VolumesObservation } from '../volumes-in-use';
import type { Finding } from './findings';
import type { PreflightFacts } from './preflight-cluster';

interface VolumeFacts {
  readonly observation: Pick<Observation, 'volumes'>;
  readonly hop: PreflightFacts['hop'];
  readonly knowledge?: Knowledge;
}

export function volumeFindings({
  observation: { volumes: seen },
  hop,
  knowledge = shippedKnowledge,
}: VolumeFacts): readonly Finding[] {
  if (seen === undefined) return [];
  const removed = minorFiles(knowledge)
    .filter(({ minor }) => isOnTheWay(minor, hop))
    .flatMap(({ volumes = [] }) => volumes);
  return [
    ...seen.unlisted.map(({ list, problem }): Finding => ({
      code: 'volumes-unobserved',
      severity: 'warns',
      object: { kind: 'cluster' },
      message: `volumes whose driver goes were not looked for: ${problem.message}`,
      remedy: `allow the worker to list ${list}: deploy/rbac/planner.yaml has the rule`,
      about: list,
    })),
    ...removed.flatMap((entry) => entryFindings(entry, seen, hop)),
  ];
}

function entryFindings(
  { field, driver }: VolumeEntry,
  { uses, drivers }: VolumesObservation,
  hop: PreflightFacts['hop'],
): readonly Finding[] {
  const own = uses.filter((use) => use.field === field);
  // Without the list of drivers nothing is known of those that have one; that is told already.
  const isServed = driver !== undefined && (drivers === undefined || drivers.includes(driver));
  if (own.length === 0 || isServed) return [];
  const isMounted = own.some(({ kind }) => kind === 'PersistentVolume');
  const names = own.map(({ kind, name }) => `${kind} ${name}`).toSorted(compareTexts);
  return [
    {
      code: 'volume-driver-missing',
      severity: isMounted ? 'blocks' : 'warns',
      object: { kind: 'volume-type', name: field },
      message:
        `${boundedList(names)}: ${minorOf(hop.to)} has no driver for it` +
        `${driver === undefined ? '' : ` but ${driver}, which is not installed`};` +
        ' no kubelet of that minor mounts it',
      remedy:
        driver === undefined
          ? 'move the data to a volume of a CSI driver before the hop'
          : `install the CSI driver ${driver} before the hop`,
      evidence: { volumes: names },
    },
  ];
}
