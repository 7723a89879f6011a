// The part of the preflight that asks whether etcd runs where the access file says: a restore of
// anything else would bring nothing back (R6). Nothing is said where machines were not asked.

import {
  type AskedEtcdObservation,
  etcdUnitFaultRemedy,
  etcdUnitFaultText,
  type EtcdPlaces,
  type EtcdUnitObservation,
} from '../etcd-places';
import type { NodeName } from '../names';
import type { Observation } from '../observation';
import { compareTexts } from '../text-order';
import type { Finding } from './findings';

/** Unsorted. */
export function etcdPlaceFindings({
  etcd,
  etcdPlaces: places,
}: Pick<Observation, 'etcd' | 'etcdPlaces'>): readonly Finding[] {
  if (places === undefined) return [];
  const { controlPlanes, units } = places;
  return [
    ...controlPlanes.flatMap((one) => controlPlaneFindings(one, units)),
    ...(units ?? []).flatMap(unitFindings),
    ...(units === undefined ? [] : unnamedFindings(etcd, units)),
  ];
}

function controlPlaneFindings(
  seen: AskedEtcdObservation,
  units: EtcdPlaces['units'],
): readonly Finding[] {
  // That its machine does not answer is a finding of machines.
  if (seen.kind === 'unobserved') return [];
  const object = { kind: 'node', name: seen.name as string as NodeName } as const;
  const blocks = { severity: 'blocks', object } as const;
  const urls = seen.endpoints.map(({ url }) => url).join(', ') || 'nothing that its manifest names';
  if (units === undefined) {
    if (seen.isPod) return [];
    return [
      {
        ...blocks,
        code: 'etcd-place-unknown',
        message: `its API server asks ${urls}, and etcd is no static pod there`,
        remedy: 'say in the access file which unit etcd is, and where: driver.etcd',
        evidence: { urls: seen.endpoints.map(({ url }) => url) },
      },
    ];
  }
  if (seen.isPod) {
    return [
      {
        ...blocks,
        code: 'etcd-place-unknown',
        message: 'etcd is a static pod there, and the access file says that it is a unit',
        remedy: 'take driver.etcd out of the access file',
        evidence: { isPod: true },
      },
    ];
  }
  const known = new Set(units.flatMap((one) => (one.kind === 'observed' ? one.sockets : [])));
  // Whose sockets are not known may be the one.
  if (units.some(({ kind }) => kind === 'unobserved')) return [];
  return seen.endpoints
    .filter(({ sockets }) => !sockets.some((socket) => known.has(socket)))
    .map(({ url }) => ({
      ...blocks,
      code: 'etcd-endpoint-unnamed',
      message: `its API server asks ${url}, where no member of etcd in the access file serves`,
      remedy: 'name that member in etcd.members and its machine in driver.etcd.machines',
      about: url,
    }));
}

function unitFindings(unit: EtcdUnitObservation): readonly Finding[] {
  const object = { kind: 'etcd', name: unit.name } as const;
  if (unit.kind === 'unobserved') {
    return [
      {
        code: 'etcd-machine-unobserved',
        severity: 'blocks',
        object,
        message: `its machine could not be asked: ${unit.problem.message}`,
        remedy: 'see that the worker reaches the machine as root, as a restore will',
        evidence: { problem: unit.problem.code },
      },
    ];
  }
  return unit.faults.map((fault) => ({
    code: 'etcd-unit-unfit',
    severity: 'blocks',
    object,
    message: etcdUnitFaultText(fault),
    remedy: etcdUnitFaultRemedy(fault),
    about: 'flag' in fault ? `${fault.why} ${fault.flag}` : fault.why,
    evidence: { ...fault },
  }));
}

/** Members of etcd's own list that no restore would reach. */
function unnamedFindings(
  etcd: Observation['etcd'],
  units: readonly EtcdUnitObservation[],
): readonly Finding[] {
  if (etcd.kind === 'unobserved') return [];
  const listed = [...etcd.members, ...etcd.unreachable];
  const named = new Set(units.map(({ name }) => name));
  return listed
    .filter(({ name }) => !named.has(name))
    .toSorted((a, b) => compareTexts(a.name, b.name))
    .map(({ name, endpoint }) => ({
      code: 'etcd-member-unnamed',
      severity: 'blocks',
      object: { kind: 'etcd', name },
      message: `it is a member of etcd at ${endpoint}, and the access file does not name it`,
      remedy: 'name it in etcd.members and its machine in driver.etcd.machines, or remove it',
      evidence: { endpoint },
    }));
}
