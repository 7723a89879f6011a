// How a step is called in status, gates, timings and reports.

import type { MemberName } from '../names';
import type { Step } from '../plan/plan';

/** `preflight`, `api-server cp-1`, `controllers`, `etcd`, `pool web`, and so on. */
export function stepLabel(step: Step): string {
  switch (step.kind) {
    case 'api-server':
      return `api-server ${step.member}`;
    case 'pool':
      return `pool ${step.pool}`;
    case 'controllers':
    case 'etcd':
    case 'preflight':
    case 'snapshot':
    case 'verify':
    case 'soak':
      return step.kind;
  }
}

/** `controllers cp-1`: one member of a controllers step, whose order is known only when it runs. */
export function controllersLabel(member: MemberName): string {
  return `controllers ${member}`;
}

/** `etcd cp-1`: one member of an etcd step, as `controllersLabel`. */
export function etcdLabel(member: MemberName): string {
  return `etcd ${member}`;
}
