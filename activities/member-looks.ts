// One look at members of the control plane, each asked directly: what they run, and what differs
// from what they should run. Shared by everything that changes, restores or verifies members.

import type { MemberName } from '../domain/names';
import type { ApiServerObservation, ControllerObservation, Problem } from '../domain/observation';
import type { KubeVersion, Programs } from '../domain/versions';
import { apiServerMismatches, controllerMismatches, type Mismatch } from './mismatches';
import type { EtcdApi, MemberProbe } from './ports';

export interface MemberLook {
  /** Programs that were told; what does not answer tells none. */
  readonly programs: readonly Programs[];
  /** What differs from `expected`. */
  readonly mismatches: readonly Mismatch[];
}

/** `expected`: undefined when any version will do. */
export async function lookAtApiServer(
  probe: MemberProbe,
  member: MemberName,
  expected: Programs | undefined,
  signal: AbortSignal,
): Promise<MemberLook> {
  const observed = await probe.apiServer(member, signal);
  return {
    programs: programsOf(observed),
    mismatches: apiServerMismatches(member, observed, expected),
  };
}

/** kube-controller-manager and kube-scheduler of one member, as far as they tell. */
export async function lookAtControllers(
  probe: MemberProbe,
  member: MemberName,
  { version: expected }: Programs,
  signal: AbortSignal,
): Promise<MemberLook> {
  const [controllerManager, scheduler] = await Promise.all([
    probe.controllerManager(member, signal),
    probe.scheduler(member, signal),
  ]);
  const manager = { member, component: 'kube-controller-manager' } as const;
  return {
    programs: [...programsOf(controllerManager), ...programsOf(scheduler)],
    mismatches: [
      ...controllerMismatches(manager, controllerManager, expected),
      ...controllerMismatches({ member, component: 'kube-scheduler' }, scheduler, expected),
    ],
  };
}

/** Both of them. */
export async function lookAtWholeMember(
  probe: MemberProbe,
  member: MemberName,
  expected: Programs,
  signal: AbortSignal,
): Promise<MemberLook> {
  const [apiServer, controllers] = await Promise.all([
    lookAtApiServer(probe, member, expected, signal),
    lookAtControllers(probe, member, expected, signal),
  ]);
  return {
    programs: [...apiServer.programs, ...controllers.programs],
    mismatches: [...apiServer.mismatches, ...controllers.mismatches],
  };
}

/**
 * What keeps the control plane from being `expected` everywhere, ready and healthy; members in
 * `without` are not asked.
 */
export async function controlPlaneMismatches(
  probe: MemberProbe,
  expected: Programs,
  signal: AbortSignal,
  without: readonly string[] = [],
): Promise<readonly Mismatch[]> {
  const asked = (await probe.members(signal)).filter(({ name }) => !without.includes(name));
  const looks = await Promise.all(
    asked.map(({ name }) => lookAtWholeMember(probe, name, expected, signal)),
  );
  return looks.flatMap(({ mismatches }) => mismatches);
}

/**
 * What is wrong with etcd; members in `without` are not expected to answer. A restored one that has
 * never started has no name in the list yet, and no address.
 */
export async function etcdMismatches(
  etcd: EtcdApi,
  without: readonly string[],
  signal: AbortSignal,
): Promise<readonly Mismatch[]> {
  const observed = await etcd.observe(signal);
  if (observed.kind === 'unobserved') {
    return [{ code: 'etcd-unobserved', problem: observed.problem }];
  }
  const missed = observed.unreachable.filter(({ name }) => !without.includes(name));
  const nameless = missed.filter(({ endpoint }) => endpoint === '').slice(0, without.length);
  return [
    ...missed
      .filter((one) => !nameless.includes(one))
      .map(({ name: member, problem }) => ({
        code: 'etcd-member-unreachable' as const,
        member,
        problem,
      })),
    ...(observed.hashesAgree ? [] : [{ code: 'etcd-hashes-differ' as const }]),
  ];
}

/** What keeps one member from being part of etcd with the data of the others. */
export async function etcdMemberMismatches(
  etcd: EtcdApi,
  member: MemberName,
  signal: AbortSignal,
): Promise<readonly Mismatch[]> {
  const observed = await etcd.observe(signal);
  if (observed.kind === 'unobserved') {
    return [{ code: 'etcd-unobserved', problem: observed.problem }];
  }
  const isThere = observed.members.some(({ name }) => name === member);
  const told = observed.unreachable.find(({ name }) => name === member)?.problem;
  const away: Problem = { code: 'unreachable', message: 'it is not among those that answer' };
  return [
    ...(isThere
      ? []
      : [{ code: 'etcd-member-unreachable' as const, member, problem: told ?? away }]),
    ...(observed.hashesAgree ? [] : [{ code: 'etcd-hashes-differ' as const }]),
  ];
}

/** Every member, as verified to run `version`. */
export async function membersIn(
  probe: MemberProbe,
  version: KubeVersion,
  signal: AbortSignal,
): Promise<readonly { readonly name: MemberName; readonly version: KubeVersion }[]> {
  return (await probe.members(signal)).map(({ name }) => ({ name, version }));
}

function programsOf(observed: ApiServerObservation | ControllerObservation): readonly Programs[] {
  if (observed.kind === 'unobserved') return [];
  const { version } = observed;
  const emulates = 'emulates' in observed ? observed.emulates : undefined;
  return [emulates === undefined ? { version } : { version, emulates }];
}
