// etcd as a whole: which members are started, which version each of them is, and how they end. One
// member that changes version is control-plane.ts.
// G1. A member that a restore went on without is not started: it would vote knowing nothing.

import { messageOf } from '../lab-error';
import { sleep } from '../waiting';
import type { ControlPlaneParts, MemberProcesses } from './control-plane';
import { mustHold } from './probes';
import type { LostEtcd } from './restore-journal';

/** On a busy machine with 100,000 objects 10 s were seen. */
const readyMs = 90_000;
/** How much longer than a quorum a member may need before a restore goes on without it. */
const stragglerMs = 15_000;
const lookMs = 50;

type EtcdProcess = Pick<MemberProcesses, 'member' | 'etcd'>;

export class EtcdMembers {
  private readonly parts: Pick<ControlPlaneParts, 'binaries' | 'lab' | 'probes' | 'state'>;
  private readonly members: readonly EtcdProcess[];

  constructor(parts: EtcdMembers['parts'], members: readonly EtcdProcess[]) {
    this.parts = parts;
    this.members = members;
  }

  /** What it runs, or is to run when it is started. */
  versionOf(member: string): string {
    const { binaries, lab, state } = this.parts;
    return state.current.members[member]?.etcd ?? lab.etcdVersion ?? binaries.etcdVersion;
  }

  /** All of them, at their next start. */
  async setVersion(version: string): Promise<void> {
    for (const { member } of this.members) {
      await this.parts.state.setMember(member.name, { etcd: version });
    }
  }

  /** All that belong to the cluster (G1); one that is being brought back is not waited for. */
  async start(): Promise<void> {
    const { etcdLost = [], etcdJoining = [] } = this.parts.state.current;
    const started = this.members.filter(({ member }) => !etcdLost.includes(member.name));
    const isJoining = (name: string): boolean => etcdJoining.includes(name);
    await Promise.all(
      started.map(async ({ member, etcd }) => {
        if (isJoining(member.name)) await etcd.start().catch(() => undefined);
        else await etcd.start();
      }),
    );
    for (const { member } of started.filter((one) => !isJoining(one.member.name))) {
      await mustHold(
        `etcd of ${member.name} was healthy`,
        () => this.parts.probes.isEtcdHealthy(member),
        readyMs,
      );
    }
  }

  /**
   * Starts those members of etcd that were restored, and returns the ones that stay away although a
   * quorum is there; these are stopped (G1). Throws when there is no quorum in time.
   */
  async startRestored(names: readonly string[]): Promise<readonly LostEtcd[]> {
    const starting = this.members.filter(({ member }) => names.includes(member.name));
    const problems = new Map<string, string>();
    const starts = starting.map(async ({ member, etcd }) => {
      await etcd.start().catch((error: unknown) => {
        problems.set(member.name, messageOf(error));
      });
    });
    const healthy = new Set<string>();
    const beganMs = performance.now();
    let quorumMs: number | undefined;
    while (healthy.size < starting.length) {
      await Promise.all(
        starting.map(async ({ member }) => {
          if (await this.parts.probes.isEtcdHealthy(member)) healthy.add(member.name);
        }),
      );
      const nowMs = performance.now();
      if (healthy.size * 2 > this.members.length) quorumMs ??= nowMs;
      else if (nowMs - beganMs > readyMs) {
        throw new Error(`only ${healthy.size} of ${this.members.length} etcd members were healthy`);
      }
      if (quorumMs !== undefined && nowMs - quorumMs > stragglerMs) break;
      await sleep(lookMs);
    }
    const away = starting.filter(({ member }) => !healthy.has(member.name));
    await Promise.all(away.map(({ etcd }) => etcd.stop('SIGKILL', 0)));
    await Promise.all(starts);
    const late = `it was not healthy ${stragglerMs / 1_000} s after the others`;
    return away.map(({ member: { name } }) => ({
      member: name,
      problem: problems.get(name) ?? late,
    }));
  }

  /** What it acknowledged is in its synced log; asked nicely, it waits seconds for a new leader. */
  async kill(): Promise<void> {
    await Promise.all(this.members.map(({ etcd }) => etcd.stop('SIGKILL', 0)));
  }
}
