// How a step is called in status, gates, timings and reports.

import type { MemberUpgradeInput } from '../activity-contract';
import type { MemberName } from '../names';
import { isOfPool, isPreparing, type Step, stopsApiServer } from '../plan/plan';

/** `preflight`, `api-server cp-1`, `member cp-1`, `controllers`, `etcd`, `pool web` and so on. */
export function stepLabel(step: Step): string {
  if (isOfPool(step)) return `${step.kind} ${step.pool}`;
  if (isPreparing(step)) return step.kind;
  if (stopsApiServer(step)) return `${step.kind} ${step.member}`;
  switch (step.kind) {
    case 'soak':
      return step.of === undefined ? 'soak' : emulationSoakLabel;
    case 'replace-members':
    case 'controllers':
    case 'end-emulation':
    case 'etcd':
    case 'verify':
      return step.kind;
  }
}

/** What of a member is changed: `kube-apiserver of cp-1`, `controllers of cp-1`, `member cp-1`. */
export function changedText({
  component,
  member,
}: Pick<MemberUpgradeInput, 'component' | 'member'>): string {
  return component === 'member' ? `member ${member}` : `${component} of ${member}`;
}

/** `controllers cp-1`: one member of a controllers step, whose order is known only when it runs. */
export function controllersLabel(member: MemberName): string {
  return `controllers ${member}`;
}

/** Its soak has a name of its own: a hop has another one, at its end. */
export const emulationSoakLabel = 'emulation-soak';

/** `end-emulation cp-1`: its API server. */
export function endEmulationLabel(member: MemberName): string {
  return `end-emulation ${member}`;
}

/** `end-emulation-controllers cp-1`: as `controllersLabel`. */
export function endEmulationControllersLabel(member: MemberName): string {
  return `end-emulation-controllers ${member}`;
}

/** Whether a member serves as its own minor from this step of a hop of two steps on, or may. */
export function endsEmulation(label: string): boolean {
  return /^end-emulation(-controllers)? /.test(label);
}

/** `etcd cp-1`: one member of an etcd step, as `controllersLabel`. */
export function etcdLabel(member: MemberName): string {
  return `etcd ${member}`;
}
