// The version skew policy, restated for the judge of plans (plan-checks.ts, J1).

import {
  type ClusterState,
  newestApiServer,
  oldestApiServer,
  oldestServed,
  type Running,
  servedBy,
} from './plan-state';
import type { PlanViolation } from './plan-violations';
import type { KubeVersion } from '../versions';
import { compareVersions, minorOf, minorsBetween } from '../versions';

/** Up to three minors; two for kubelets older than 1.25. */
export function kubeletMinorsBehind(kubelet: KubeVersion): number {
  return compareVersions(kubelet, '1.25.0' as KubeVersion) < 0 ? 2 : 3;
}

/** What emulates counts as what it serves as to whoever may not be newer than it. */
export function* checkSkew(state: ClusterState, where: string): Generator<PlanViolation> {
  const [oldest, newest] = [oldestApiServer(state), newestApiServer(state)];
  if (minorsBetween(oldest, newest) > 1) {
    const object = 'API servers';
    const expected = 'within one minor';
    yield { code: 'api-server-skewed', where, object, expected, actual: `${oldest} to ${newest}` };
  }
  for (const [member, controllers] of state.controllers) {
    for (const controller of controllers) yield* checkController(state, member, controller, where);
  }
  for (const kubelet of state.kubelets.values()) yield* checkKubelet(state, kubelet, where);
}

/** Against the API servers that it may talk to: where members are wholes, the one beside it. */
function* checkController(
  state: ClusterState,
  member: string,
  controller: Running,
  where: string,
): Generator<PlanViolation> {
  const beside = state.changedAs === 'member' ? state.apiServers.get(member) : undefined;
  const newest = beside?.at ?? newestApiServer(state);
  const served = beside?.at ?? oldestServed(state);
  const at = servedBy(controller);
  if (minorsBetween(at, served) >= 0 && minorsBetween(at, newest) <= 1) return;
  const { object } = controller;
  const expected = `at most one minor older than ${newest}, not newer than ${minorOf(served)}`;
  yield { code: 'controller-skewed', where, object, expected, actual: at };
}

export function* checkKubelet(
  state: ClusterState,
  { object, at }: Running,
  where: string,
): Generator<PlanViolation> {
  const [oldest, newest] = [oldestServed(state), newestApiServer(state)];
  const allowed = kubeletMinorsBehind(at);
  if (minorsBetween(at, oldest) >= 0 && minorsBetween(at, newest) <= allowed) return;
  const expected =
    `at most ${allowed} minors older than ${newest},` + ` not newer than ${minorOf(oldest)}`;
  yield { code: 'kubelet-skewed', where, object, expected, actual: at };
}
