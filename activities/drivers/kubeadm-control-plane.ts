// ControlPlaneDriver for clusters that kubeadm made, changed in place on their machines
// (docs/kubeadm.md): members as wholes, etcd by itself.
// L1. One step at a time changes the control plane of a machine, and one its etcd: what is still
//     under way for another operation is ended first.

import type { MemberName } from '../../domain/names';
import {
  compareVersions,
  type KubeVersion,
  parseVersion,
  type Programs,
} from '../../domain/versions';
import type { KubeadmDriverAccess } from '../access';
import { forEachAtOnce } from '../at-once';
import type { DriverContext } from '../driver-context';
import type { ControlPlaneDriver } from '../driver-ports';
import { PortError } from '../ports';
import type { RestoreNeed } from '../snapshot-ports';
import type { EtcdUnits } from './etcd-unit-look';
import { etcdScript, etcdVersionsIn, listEtcdImages, releasesOf } from './kubeadm-etcd';
import { memberScript, putBackScript } from './kubeadm-member';
import { listNeeds, listUnitNeeds, needsIn } from './kubeadm-needs';
import { askedAtOnce, askMachine, type MachineQuestion } from './machine-ask';
import { runStep, type StepOptions } from './machine-steps';

/** How long a machine may be away that is only asked. */
const awayMs = 10_000;
/** Keys and certificates of a member. */
const needsBytesMax = 4 * 1024 * 1024;

export interface KubeadmControlPlaneOptions extends StepOptions {
  readonly access: Pick<KubeadmDriverAccess, 'packages' | 'pullImages'>;
  /** Machines of the control plane. */
  readonly members: readonly MemberName[];
  /** Where etcd is units; absent: a static pod of each member. */
  readonly etcd?: EtcdUnits;
}

type Changes = Pick<
  ControlPlaneDriver,
  'upgrade' | 'putBack' | 'changeEtcd' | 'availableEtcdVersions' | 'restoreNeeds'
>;

/** Connects nothing yet. Methods throw PortError, or the signal's reason. */
export function kubeadmControlPlane(options: KubeadmControlPlaneOptions): Changes {
  const { packages } = options.access;
  const step = (member: MemberName, change: Omit<Change, 'member'>, context: DriverContext) =>
    runStep(options, { machine: member, ...change }, context);
  return {
    upgrade: async (member, component, to, context) => {
      const version = wholeMember(component, to);
      const doing = `upgrading it to ${version}`;
      const script = memberScript({ node: member, to: version, packages });
      await step(member, { doing, script, changes: 'control-plane' }, context);
    },
    putBack: async (member, component, to, context) => {
      const version = wholeMember(component, to);
      const doing = `putting it back to ${version}`;
      const script = putBackScript({ node: member, to: version, packages });
      await step(member, { doing, script, changes: 'control-plane' }, context);
    },
    changeEtcd: async (member, to, context) => {
      if (options.etcd !== undefined) {
        const message = `etcd of ${member} runs outside of kubeadm: change its unit by hand`;
        throw new PortError('rejected', message);
      }
      const script = etcdScript(to, { node: member, to, packages });
      const doing = `changing its etcd to ${to}`;
      await step(member, { doing, script, changes: 'etcd' }, context);
    },
    availableEtcdVersions: async (signal) => {
      if (options.etcd !== undefined) return undefined;
      const args = [releasesOf(packages)];
      const doing = 'looking for releases of etcd';
      const asked = { doing, script: listEtcdImages, args };
      const answers = await askMembers(options, asked, signal);
      return etcdVersionsOf(answers.map(({ output }) => output));
    },
    restoreNeeds: async (signal) => {
      const doing = 'reading what a restore needs';
      const asked = { doing, script: listNeeds, outputBytesMax: needsBytesMax };
      const answers = [
        ...(await askMembers(options, asked, signal)),
        ...(await askUnits(options, { doing, outputBytesMax: needsBytesMax }, signal)),
      ];
      return answers.flatMap(({ member, output }): readonly RestoreNeed[] =>
        needsIn(output, member),
      );
    },
  };
}

interface Change {
  readonly member: MemberName;
  readonly doing: string;
  readonly script: string;
  readonly changes: string;
}

/** kubeadm writes all of a member, and knows no other minor to serve as than its own. */
function wholeMember(component: string, { version, emulates }: Programs): KubeVersion {
  if (component !== 'member') {
    const message = `kubeadm changes members as wholes, not their ${component}`;
    throw new PortError('rejected', message);
  }
  if (emulates === undefined) return version;
  const message = `kubeadm does not start a ${version} that serves as ${emulates}`;
  throw new PortError('rejected', message);
}

/** Of etcd, where it is units; what they run with is noted on their machines as well. */
async function askUnits(
  { machines, etcd }: KubeadmControlPlaneOptions,
  asked: Pick<MachineQuestion, 'doing' | 'outputBytesMax'>,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  if (etcd === undefined) return [];
  const script = listUnitNeeds(etcd.unit);
  return await askMembers({ machines, members: etcd.members }, { ...asked, script }, signal);
}

interface Answer {
  readonly member: string;
  readonly output: string;
}

/** In the order of their names. */
async function askMembers(
  { machines, members }: Pick<KubeadmControlPlaneOptions, 'machines' | 'members'>,
  asked: Omit<MachineQuestion, 'machine'>,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  const answers = new Map<string, string>();
  await forEachAtOnce([...members], askedAtOnce, async (member) => {
    answers.set(member, await askMachine(machines, { machine: member, awayMs, ...asked }, signal));
  });
  return [...answers]
    .map(([member, output]) => ({ member, output }))
    .toSorted((a, b) => (a.member < b.member ? -1 : 1));
}

/** Those that all of them have, the oldest first. */
function etcdVersionsOf(answers: readonly string[]): readonly KubeVersion[] {
  const lists = answers.map((output) =>
    etcdVersionsIn(output).flatMap((v) => parseVersion(v) ?? []),
  );
  const [first = [], ...others] = lists;
  return [...new Set(first)]
    .filter((one) => others.every((list) => list.includes(one)))
    .toSorted(compareVersions);
}
