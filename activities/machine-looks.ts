// What is seen of machines that controllers of others replace.

import { boundedList } from '../domain/lists';
import { compareTexts } from '../domain/text-order';
import type { KubeVersion } from '../domain/versions';
import type { MachineView } from './driver-ports';

/** Whether it is of the release, and stays. */
export function isThrough({ version, isLeaving, node }: MachineView, to: KubeVersion): boolean {
  return version === to && !isLeaving && node !== undefined;
}

/** What their controllers do, but not what they say of it: that may repeat itself for ever. */
export function machinesState(machines: readonly MachineView[]): string {
  const told = machines.map(({ name, node, isLeaving, phase }) =>
    JSON.stringify([name, node, isLeaving, phase]),
  );
  return told.toSorted(compareTexts).join(' ');
}

/** Who is waited for; undefined when all are of the release, and stay. */
export function machinesText(machines: readonly MachineView[], to: KubeVersion) {
  const others = machines.filter((one) => !isThrough(one, to));
  // Those under way say more than those whose turn has not come.
  const moving = others.filter(({ isLeaving, node }) => isLeaving || node === undefined);
  const told = (moving.length === 0 ? others : moving).map(machineText);
  return told.length === 0 ? undefined : boundedList(told);
}

function machineText({ name, node, phase, says }: MachineView): string {
  const where = node === undefined ? '' : ` (node ${node})`;
  return `machine ${name}${where} is ${phase || 'new'}${says === '' ? '' : `: ${says}`}`;
}
