// The etcd part of the preflight: quorum, leader, alarms, hashes, size and lag.
// Sources: the checks that etcd's own operations guide asks for before an upgrade.

import type { Finding } from './findings';
import type { EtcdMemberObservation, EtcdObservation } from '../observation';
import {
  compareVersions,
  type KubeVersion,
  minorOf,
  minorsBetween,
  parseVersion,
} from '../versions';
import type { ControlPlaneFacts, EtcdChangeFacts } from './preflight-cluster';

/** Share of the quota from which on a hop does not begin: NOSPACE makes etcd read-only. */
const etcdQuotaShare = 0.8;
/** etcd's default quota (`--quota-backend-bytes`, 2 GiB), for servers that do not tell theirs. */
export const etcdDefaultQuotaBytes = 2_147_483_648;
/**
 * Share of a database that is not in use from which on a defragmentation is worth naming, and the
 * size below which it never is (OpenShift's cluster-etcd-operator defragments by the same two).
 */
const etcdFragmentation = 0.45;
const etcdFragmentationBytesMin = 100 * 1024 * 1024;
/** Entries that are committed but not applied; a healthy member has a handful. */
const etcdRaftLagWarns = 1_000;
/** etcd refuses proposals from here on (maxGapBetweenApplyAndCommitIndex in its server). */
const etcdRaftLagBlocks = 5_000;

/** Kubernetes 1.31 made etcd 3.5.11 mandatory (its release notes; kubeadm refuses older ones). */
const etcdWanted = '3.5.11' as KubeVersion;
const etcdWantedFrom = '1.31.0' as KubeVersion;
/** etcd 3.5.0 to 3.5.2: "data inconsistency" in the advisory of its maintainers, of March 2022. */
const etcdLosesFrom = '3.5.0' as KubeVersion;
const etcdLosesTo = '3.5.2' as KubeVersion;

type Observed = Extract<EtcdObservation, { readonly kind: 'observed' }>;

const cluster = { kind: 'cluster' } as const;

/** All etcd findings, unsorted. */
export function etcdFindings(
  etcd: EtcdObservation,
  { hop, etcd: change }: Pick<ControlPlaneFacts, 'hop' | 'etcd'>,
): readonly Finding[] {
  if (etcd.kind === 'unobserved') {
    return [
      {
        code: 'etcd-unobserved',
        severity: 'blocks',
        object: cluster,
        message: `etcd could not be asked: ${etcd.problem.message}`,
        remedy: 'bring etcd up and within reach of the worker, with a client certificate',
        evidence: { problem: etcd.problem.code },
      },
    ];
  }
  return [
    ...quorumFindings(etcd),
    ...leaderFindings(etcd),
    ...hashFindings(etcd),
    ...mixedFindings(etcd, change),
    ...migrationFindings(etcd, change),
    ...etcd.members.flatMap((member) => [
      ...conditionFindings(member),
      ...versionFindings(member, hop, change),
      ...quotaFindings(member),
      ...fragmentationFindings(member),
      ...lagFindings(member),
    ]),
  ];
}

function quorumFindings({ memberCount, unreachable }: Observed): readonly Finding[] {
  const findings: Finding[] = unreachable.map(({ name, endpoint, problem }) => ({
    code: 'etcd-member-unreachable',
    severity: 'blocks',
    object: { kind: 'etcd', name },
    message: `it does not answer at ${endpoint}: ${problem.message}`,
    remedy: 'bring the member up, or remove it from the member list',
    evidence: { endpoint, problem: problem.code },
  }));
  const quorum = Math.floor(memberCount / 2) + 1;
  const margin = memberCount - unreachable.length - quorum;
  if (margin >= 1) return findings;
  const answering = memberCount - unreachable.length;
  findings.push({
    code: 'etcd-quorum-margin',
    // One or two members never have a margin: that is how the cluster was built, and no reason to
    // leave it in its version for ever. One that is missing is.
    severity: unreachable.length === 0 ? 'warns' : 'blocks',
    object: cluster,
    message:
      `${answering} of ${memberCount} etcd members answer and ${quorum} are needed,` +
      ' so none may be lost: without one of them nothing can be written',
    remedy: 'have three etcd members up, or one more than the quorum',
    evidence: { members: memberCount, away: unreachable.map(({ name }) => name).toSorted() },
  });
  return findings;
}

function leaderFindings({ members }: Observed): readonly Finding[] {
  const leaders = members.filter((member) => member.isLeader).map((member) => member.name);
  if (leaders.length === 1) return [];
  const seen =
    leaders.length === 0 ? 'no member leads' : `${leaders.toSorted().join(', ')} all lead`;
  return [
    {
      code: 'etcd-no-leader',
      severity: 'blocks',
      object: cluster,
      message: `etcd has no leader that all agree on: ${seen}`,
      remedy: 'look at the network and the disks of the etcd members, and wait for an election',
      evidence: { leaders: leaders.toSorted() },
    },
  ];
}

function hashFindings({ hashesAgree }: Observed): readonly Finding[] {
  if (hashesAgree) return [];
  return [
    {
      code: 'etcd-hash-mismatch',
      severity: 'blocks',
      object: cluster,
      message: 'etcd members hold different data at the same revision, or could not be compared',
      remedy: 'replace the corrupt member (remove it, empty its data directory, add it again)',
    },
  ];
}

function mixedFindings(
  { members }: Observed,
  change: EtcdChangeFacts | undefined,
): readonly Finding[] {
  const versions = [...new Set(members.map((member) => member.version))].toSorted();
  if (versions.length < 2 || isBeingChanged(versions, change)) return [];
  const minors = new Set(versions.map(minorText));
  return [
    {
      code: 'etcd-version-mixed',
      // Patches may differ while etcd is updated; minors are a migration of the data under way.
      severity: minors.size > 1 ? 'blocks' : 'warns',
      object: cluster,
      message: `etcd members run different versions: ${versions.join(', ')}`,
      remedy: 'finish the update of etcd first',
      evidence: { versions },
    },
  ];
}

/** Of two neighbouring minors at most, none newer than what the change leads to. */
function isBeingChanged(versions: readonly string[], change: EtcdChangeFacts | undefined): boolean {
  if (change?.stage !== 'under-way') return false;
  return versions.every((text) => {
    const version = parseVersion(text);
    if (version === undefined || compareVersions(version, change.to) > 0) return false;
    return minorsBetween(version, change.to) <= 1;
  });
}

/** After the last member: etcd's own agreement on its version follows within seconds. */
function migrationFindings(
  { members }: Observed,
  change: EtcdChangeFacts | undefined,
): readonly Finding[] {
  if (change?.stage !== 'done') return [];
  return members.flatMap(({ name, version, clusterVersion = change.to }): readonly Finding[] => {
    const isThere = version === change.to && minorText(clusterVersion) === minorOf(change.to);
    if (isThere) return [];
    return [
      {
        code: 'etcd-version-behind',
        severity: 'blocks',
        object: { kind: 'etcd', name },
        message:
          `it runs etcd ${version} in a cluster of version ${clusterVersion},` +
          ` and all of it is to be at ${change.to}`,
        remedy: 'look at the log of this member for what keeps it from its new version',
        evidence: { version, clusterVersion, wanted: change.to },
      },
    ];
  });
}

function minorText(version: string): string {
  const parsed = parseVersion(version);
  return parsed === undefined ? version : minorOf(parsed);
}

/**
 * The hop wants another etcd, or the one that runs is known to lose data: that is for a person to
 * change: on its own before the hop, or in it (etcd-change.ts).
 */
function versionFindings(
  { name, version }: EtcdMemberObservation,
  { to }: ControlPlaneFacts['hop'],
  change: EtcdChangeFacts | undefined,
): readonly Finding[] {
  // What the hop itself changes before it needs it stands in nobody's way.
  const at = change?.stage === 'to-come' ? change.to : parseVersion(version);
  if (at === undefined) return [];
  const object = { kind: 'etcd', name } as const;
  const isWanted = compareVersions(to, etcdWantedFrom) >= 0;
  if (isWanted && compareVersions(at, etcdWanted) < 0) {
    return [
      {
        code: 'etcd-version-unfit',
        severity: 'blocks',
        object,
        message: `it runs etcd ${version}, and Kubernetes ${to} wants ${etcdWanted} or newer`,
        remedy: `bring the etcd members to ${etcdWanted} or newer, one at a time, the leader last`,
        evidence: { version, wanted: etcdWanted },
      },
    ];
  }
  const loses = compareVersions(at, etcdLosesFrom) >= 0 && compareVersions(at, etcdLosesTo) <= 0;
  if (!loses) return [];
  return [
    {
      code: 'etcd-version-unfit',
      severity: 'warns',
      object,
      message: `it runs etcd ${version}, whose members may come to hold different data`,
      remedy: 'bring the etcd members to the newest 3.5, one at a time, the leader last',
      evidence: { version },
    },
  ];
}

function conditionFindings({ name, isLearner, alarms }: EtcdMemberObservation): readonly Finding[] {
  const object = { kind: 'etcd', name } as const;
  const findings: Finding[] = alarms.map((alarm) => ({
    code: 'etcd-alarm',
    severity: 'blocks',
    object,
    message: `alarm ${alarm} is raised`,
    about: alarm,
    remedy:
      alarm === 'NOSPACE'
        ? 'compact and defragment etcd or raise its quota, then disarm the alarm'
        : 'replace the corrupt member, then disarm the alarm',
  }));
  if (isLearner) {
    findings.push({
      code: 'etcd-learner',
      severity: 'blocks',
      object,
      message: 'it is a learner, which counts for no quorum',
      remedy: 'promote it to a voting member, or remove it',
    });
  }
  return findings;
}

function quotaFindings(member: EtcdMemberObservation): readonly Finding[] {
  const { name, dbSizeBytes, quotaBytes } = member;
  const quota = quotaBytes === 0 ? etcdDefaultQuotaBytes : quotaBytes;
  if (dbSizeBytes < quota * etcdQuotaShare) return [];
  const share = Math.floor((dbSizeBytes / quota) * 100);
  const isFragmented = unusedShare(member) >= etcdFragmentation;
  return [
    {
      code: 'etcd-quota-near',
      // A quota that is only assumed may in truth be higher.
      severity: quotaBytes === 0 ? 'warns' : 'blocks',
      object: { kind: 'etcd', name },
      message:
        `its database has ${dbSizeBytes} bytes, ${share} % of` +
        ` ${quotaBytes === 0 ? 'the default quota (its own is not known)' : 'its quota'}`,
      remedy: isFragmented
        ? 'defragment the member: much of its database is not in use'
        : 'remove what is not needed, compact and defragment, or raise the quota',
      evidence: { quotaBytes },
      figures: { dbSizeBytes },
    },
  ];
}

function unusedShare({ dbSizeBytes, dbSizeInUseBytes }: EtcdMemberObservation): number {
  return dbSizeBytes <= 0 ? 0 : (dbSizeBytes - dbSizeInUseBytes) / dbSizeBytes;
}

/** Nothing is wrong with the data. Near the quota the finding of that says it already. */
function fragmentationFindings(member: EtcdMemberObservation): readonly Finding[] {
  const { name, dbSizeBytes, dbSizeInUseBytes } = member;
  const share = unusedShare(member);
  const isSmall = dbSizeBytes < etcdFragmentationBytesMin || share < etcdFragmentation;
  if (isSmall || quotaFindings(member).length > 0) return [];
  return [
    {
      code: 'etcd-fragmented',
      severity: 'warns',
      object: { kind: 'etcd', name },
      message:
        `${Math.floor(share * 100)} % of its database is not in use` +
        ` (${dbSizeInUseBytes} of ${dbSizeBytes} bytes are), which snapshots and a way back carry`,
      remedy: 'defragment the members one at a time, the leader last, before the upgrade',
      figures: { dbSizeBytes, dbSizeInUseBytes },
    },
  ];
}

function lagFindings({ name, raftIndex, raftAppliedIndex }: EtcdMemberObservation) {
  const lag = raftIndex - raftAppliedIndex;
  if (lag < etcdRaftLagWarns) return [];
  const finding: Finding = {
    code: 'etcd-raft-lag',
    severity: lag >= etcdRaftLagBlocks ? 'blocks' : 'warns',
    object: { kind: 'etcd', name },
    message: `${lag} committed entries are not applied yet`,
    remedy: 'look at the disk and the load of this member, and wait until it has caught up',
    figures: { entries: lag },
  };
  return [finding];
}
