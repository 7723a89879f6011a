// Words for blockers: why a plan cannot be made or a pod does not leave, and what to do about it.
// Every sentence has the shape `what is the matter - what to do`.

import type {
  Blocker,
  DrainBlocker,
  EmulationFault,
  EtcdChangeFault,
  PlanBlocker,
  TerminatingCause,
  TreatmentSource,
} from './blockers';
import { budgetExplanationText } from './drain/budget-sentences';
import type { LadderFault } from './drain/drain-ladder';
import { drainAnnotation, drainAnnotationValues } from './drain/drain-verdicts';
import { formatDuration } from './durations';
import { alternativesText } from './input-words';
import { boundedList } from './lists';
import type { BudgetRef, PodRef } from './names';
import type { LimitedDriver, PlannedChange, UnreportedNode } from './observation';
import type { PodTreatment } from './spec';
import { ladderStandText, undoneSurgeText } from './drain/surge-sentences';
import { minorOf } from './versions';
import { controlPlaneFaultText, rolloutFaultText } from './rollout-sentences';
import type { Words } from './words';
import { say } from './words';

/**
 * One sentence for one blocker. With `nowMs` (epoch milliseconds) a drain blocker also says for how
 * long it has stood; there is no clock in here.
 */
export function blockerSentence(blocker: Blocker, nowMs?: number): string {
  if (!('sinceMs' in blocker)) return say(planWords, blocker);
  const stood = nowMs === undefined ? '' : ` for ${formatDuration(nowMs - blocker.sinceMs)}`;
  return `${matterText(blocker, stood)}: ${drainText(blocker, nowMs)}`;
}

function matterText({ code, pod }: DrainBlocker, stood: string): string {
  if (code === 'volume-attached') {
    return `a volume of pod ${podText(pod)}, which has left, is still attached${stood}`;
  }
  if (code === 'volumes-unobserved')
    return `pod ${podText(pod)} and others with volumes do not wait`;
  return `pod ${podText(pod)} has not left${stood}`;
}

/** Of a budget that is explained, in the words of what is known about it. */
function drainText(blocker: DrainBlocker, nowMs: number | undefined): string {
  if (blocker.code !== 'budget-exhausted') return say(drainWords, blocker);
  const { budget, explanation, ladder } = blocker;
  const why =
    explanation === undefined
      ? say(drainWords, blocker)
      : `${budgetNamed(budget)} ${budgetExplanationText(explanation, nowMs)}`;
  return ladder === undefined ? why : `${why}; ${ladderStandText(ladder, nowMs)}`;
}

function budgetNamed(budget: BudgetRef | undefined): string {
  return budget === undefined ? 'a disruption budget' : `budget ${budgetText(budget)}`;
}

/** `web/web-0`. */
export function podText(pod: PodRef): string {
  return `${pod.namespace}/${pod.name}`;
}

/** `web/web-budget`. */
export function budgetText(budget: BudgetRef): string {
  return `${budget.namespace}/${budget.name}`;
}

/** `reports no kubelet version`: what is the matter with the node. */
export function unreportedText({ reported }: Pick<UnreportedNode, 'reported'>): string {
  return reported === ''
    ? 'reports no kubelet version'
    : `reports "${reported}" as its kubelet version, which is none`;
}

export const unreportedRemedy =
  'see that its kubelet runs, or delete the Node object when no machine is behind it';

const viaReasons = {
  'not-on-path': 'is not a release of a minor between the current one and the target',
  'duplicate-minor': 'is one of several releases that via and target name for the same minor',
  'not-available': 'cannot be installed on this cluster',
} as const;

const ladderFaults = {
  'no-end': 'has no end: nothing says what happens at the deadline of a drain',
  'two-ends': 'has two ends, hold and quarantine, of which one would never be come to',
  repeated: 'names a rung twice',
  'surge-late': 'comes to surge after its end',
} as const satisfies Record<LadderFault, string>;

function etcdFaultText(fault: EtcdChangeFault): string {
  switch (fault.why) {
    case 'unobserved':
      return (
        'cannot be planned: not every member tells its version' +
        ' - bring all of etcd within reach'
      );
    case 'duplicate-hop':
      return 'is one of several for that hop - name one';
    case 'not-on-path':
      return 'belongs to no hop of this upgrade - name a minor that it goes through';
    case 'goes-back':
      return `would go back from ${fault.at} - only the rollback of a hop does; name a newer one`;
    case 'skips-minor':
      return `would skip a minor from ${fault.at} - name one of the minor after it first`;
    case 'unsupported':
      return `was not looked into, from ${fault.at} - change it by hand, between two upgrades`;
    case 'patch-too-old':
      return (
        `may bring back members that were removed long ago, from ${fault.at}` +
        ` - go to ${fault.needed} or newer of the minor that runs in a hop before`
      );
    case 'not-available':
      return 'cannot be installed on this cluster - make it available to the driver';
  }
}

function emulationFaultText(fault: EmulationFault): string {
  switch (fault.why) {
    case 'duplicate-hop':
      return 'is asked for twice - name each hop once';
    case 'not-on-path':
      return 'belongs to no hop of this upgrade - name a minor that it goes through';
    case 'whole-members':
      return (
        'cannot be: what changes this cluster replaces whole members, and starts them as their' +
        ' own minor - take the hop out of controlPlane.emulation'
      );
    case 'too-old':
      return (
        `cannot be: only programs of ${fault.needed} and newer can serve as the minor before` +
        ` them, not as ${fault.from} - take the hop out of controlPlane.emulation`
      );
  }
}

const undrivenTexts: Readonly<Record<PlannedChange, string>> = {
  node: 'changes the kubelets of nodes',
  apiServer: 'changes API servers',
  controllers: 'changes controller-managers and schedulers',
  member: 'changes members of the control plane',
  putBack: 'is done in two steps, which the old programs must lead back from',
  etcd: 'changes etcd',
  restore: 'changes the control plane, which takes a restore as the way back',
  reboot: 'starts machines again',
};

const driverLimits = {
  kubeadm:
    'kubeadm changes nodes only' +
    ' - do that by hand and plan the nodes afterwards, or use a driver of commands',
  'kubeadm-etcd-units':
    'kubeadm leaves etcd alone where it runs outside of its static pods - bring its units to that' +
    ' version by hand, one at a time and the leader last, and plan again',
  'cluster-api':
    'cluster-api replaces machines only, those of members where driver.members has them found' +
    ' - write that to the access file, or do it by hand and plan the pools afterwards',
} as const satisfies Readonly<Record<LimitedDriver, string>>;

const planWords: Words<PlanBlocker> = {
  'already-at-target': ({ cluster, at }) =>
    `the control plane and every pool of ${cluster} are at ${at} already - there is nothing to do`,
  'target-lower': ({ at, target }) =>
    `the target ${target} is older than ${at}, which the cluster runs` +
    ' - Kubernetes goes back only by rolling back a hop; name a newer target',
  'target-unknown': ({ target, newestKnown }) =>
    `the target ${target} cannot be installed; the newest release that can is ${newestKnown}` +
    ' - name a release that can be installed, or make it available to the driver',
  'release-missing': ({ minor }) =>
    `no release of ${minor} can be installed, and the control plane never skips a minor` +
    ` - make a ${minor} release available to the driver`,
  'hop-unsupported': ({ minor, oldest, newest }) =>
    `the minor ${minor} is not supported; hops from ${oldest} to ${newest} are` +
    ` - use a version of Ascent that knows ${minor}`,
  'via-unusable': ({ version, why }) =>
    `the release ${version} in via ${viaReasons[why]}` +
    ' - correct it, or leave it out to get the newest patch',
  'etcd-change-unusable': (blocker) =>
    `etcd ${blocker.version} in the hop to ${blocker.hop} ${etcdFaultText(blocker)}`,
  'emulation-unusable': (blocker) =>
    `the hop to ${blocker.hop} in two steps ${emulationFaultText(blocker)}`,
  'no-members': ({ cluster }) =>
    `no control-plane member of ${cluster} is known - name them in the cluster access file`,
  'single-member-not-allowed': ({ member }) =>
    `${member} is the only control-plane member, so the API is down while it changes` +
    ' - set controlPlane.allowSingleMember to true to accept that',
  'member-unobserved': ({ component, member, problem }) =>
    `${component} of ${member} could not be asked: ${problem}` +
    ' - bring it up and within reach, then plan again',
  'mixed-control-plane': ({ versions }) =>
    `the API servers run different releases: ` +
    `${versions.map(({ member, at }) => `${member} ${at}`).join(', ')}` +
    ' - bring all of them to one release first',
  'controller-skewed': ({ component, member, at, apiServer }) =>
    `${component} of ${member} runs ${at}, its API server ${apiServer}` +
    ` - bring it to ${minorOf(apiServer)} first`,
  'member-emulates': ({ member, at, emulates }) =>
    `the API server of ${member} runs ${at} and was left serving as ${emulates}` +
    ' - start it, and the controllers, without --emulated-version, or in the release before',
  'kubelet-too-old': ({ node, at, apiServer, oldestAllowed }) =>
    `node ${node} runs kubelet ${at}; a ${minorOf(apiServer)} API server supports` +
    ` ${oldestAllowed} and newer - upgrade the node first`,
  'kubelet-too-new': ({ node, at, apiServer }) =>
    `node ${node} runs kubelet ${at}, newer than the API server's ${apiServer}` +
    ` - return the node to ${minorOf(apiServer)} first`,
  'kubelet-unreported': (node) => `node ${node.node} ${unreportedText(node)} - ${unreportedRemedy}`,
  'pool-empty': ({ pool, takenBy }) =>
    takenBy === undefined
      ? `no node belongs to pool ${pool} - correct its nodeSelector, or take it out of the spec`
      : `no node is left for pool ${pool}: ${takenBy.join(', ')} before it` +
        ` ${takenBy.length === 1 ? 'takes' : 'take'} every node that it selects` +
        ` - put ${pool} first, or let the selectors not overlap`,
  'node-without-pool': ({ node }) =>
    `node ${node} belongs to no pool` +
    ' - widen the nodeSelector of a pool, or add a last pool with an empty one',
  'namespace-unknown': ({ pool, namespace }) =>
    `the drain policy of pool ${pool} is about namespace ${namespace}, which does not exist` +
    ' - correct the name, or take it out of drain.namespaces',
  'order-label-missing': ({ pool, label, nodes }) =>
    `${nodes.length === 1 ? 'node' : 'nodes'} ${boundedList(nodes)} of pool ${pool}` +
    ` ${nodes.length === 1 ? 'lacks' : 'lack'} the label ${label}, which orders them` +
    ' - label every node of the pool, or leave orderLabel out for the least disruptive first',
  'pod-selector-unreadable': ({ pool, podSelector, mistakes }) =>
    `the podSelector ${JSON.stringify(podSelector)} of pool ${pool} cannot be read:` +
    ` ${mistakes.join('; ')} - correct it, or leave it out to drain every pod`,
  'ladder-endless': ({ pool, ladder, why }) =>
    `the ladder [${ladder.join(', ')}] of pool ${pool} ${ladderFaults[why]}` +
    ' - let it be surge, if it is wanted, and then either hold or quarantine',
  'change-undriven': ({ hop, change, driver }) => {
    const what = `${hop} ${undrivenTexts[change]}, and the driver`;
    if (change === 'reboot') {
      return `${what} of the cluster cannot do that - let reboot of the pools be never`;
    }
    return driver === undefined
      ? `${what} of the cluster has no command for that` +
          ` - add driver.${change} to the access file of the worker`
      : `${what} ${driverLimits[driver]}`;
  },
  'control-plane-unusable': controlPlaneFaultText,
  'rollout-unusable': (blocker) => `pool ${blocker.pool}: ${rolloutFaultText(blocker)}`,
  'plan-digest-changed': ({ expected, actual }) =>
    `the plan is now ${actual}, not ${expected} as it was looked at` +
    ' - look at the new plan and start with its digest',
};

function treatmentText(by: TreatmentSource, treatment: PodTreatment, pod: PodRef): string {
  return by === 'annotation'
    ? `its annotation ${drainAnnotation} is ${treatment}`
    : `the drain policy for namespace ${pod.namespace} is ${treatment}`;
}

function treatmentRemedy(by: TreatmentSource, pod: PodRef): string {
  const annotation = `${drainAnnotation}: evict`;
  return by === 'annotation'
    ? `change that to ${annotation}`
    : `take ${pod.namespace} out of drain.namespaces, or annotate the pod ${annotation}`;
}

type Terminating = Extract<DrainBlocker, { readonly code: 'pod-terminating' }>;

function terminatingText(blocker: Terminating): string {
  const { cause, gracePeriodSeconds, finalizers } = blocker;
  if (cause !== undefined) return causeWords[cause](blocker);
  return finalizers.length === 0
    ? `it is terminating with a grace period of ${gracePeriodSeconds} s` +
        ' - if this stays, see that its node is Ready and its preStop hook ends'
    : `${heldByFinalizers(blocker)} - see why their owners do not remove them`;
}

function heldByFinalizers({ finalizers }: Terminating): string {
  return `it is terminating, held by finalizers: ${finalizers.join(', ')}`;
}

function graceText({ gracePeriodSeconds }: Terminating): string {
  return formatDuration(gracePeriodSeconds * 1_000);
}

const causeWords: Readonly<Record<TerminatingCause, (blocker: Terminating) => string>> = {
  grace: (blocker) =>
    `it is terminating and has ${graceText(blocker)} of grace for that` +
    ' - it goes on by itself; drain.gracePeriodSeconds gives the pods of the next drain less',
  finalizer: (blocker) =>
    `${heldByFinalizers(blocker)} - see why their owners do not remove them; remove one by hand` +
    ' only when what it guards is done',
  // The taint deletes the pods of the node without anybody asking its kubelet, and detaches their
  // volumes: what still runs there would write to them (non-graceful node shutdown).
  'node-not-ready': (blocker) =>
    `it is terminating and its node is not Ready, so nobody confirms that it has ended` +
    `${alsoHeld(blocker)} - bring the kubelet of the node back; only when its machine is verified` +
    ' to be off, taint the node node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
  volume: () =>
    'its containers have ended, and its node has not let go of volumes' +
    ' - see the log of the kubelet there, and the CSI driver of the volumes that it claims',
  unconfirmed: (blocker) =>
    `its grace period of ${graceText(blocker)} is over and the kubelet has not confirmed that it` +
    ' has ended - see the kubelet and the container runtime of its node, its preStop hook and its' +
    ' volumes',
};

function alsoHeld({ finalizers }: Terminating): string {
  return finalizers.length === 0 ? '' : ` (finalizers: ${finalizers.join(', ')})`;
}

const drainWords: Words<DrainBlocker> = {
  'budget-exhausted': ({ budget, message }) =>
    `${budgetNamed(budget)} allows no eviction now (${message})` +
    ' - it goes on by itself when more of its pods are Ready; else add replicas or relax it',
  'budget-not-observed': ({ message }) =>
    `the disruption controller has not looked at its budget yet (${message})` +
    ' - see that kube-controller-manager runs',
  'budgets-overlap': ({ message }) =>
    `several budgets select it, which evictions do not support (${message})` +
    ' - narrow the selectors until one is left',
  'api-throttled': ({ retryAfterSeconds }) =>
    `the API server is busy and asked to wait ${retryAfterSeconds} s` +
    ' - it goes on by itself; look at the load of the API server if this stays',
  'namespace-terminating': () =>
    'its namespace is being deleted - it goes on by itself when the pod is gone',
  'eviction-forbidden': ({ message }) =>
    `the API server forbids its eviction (${message})` +
    ' - grant the worker the right to create pods/eviction (and to delete pods, for one that is' +
    ' forced), or correct the budget',
  'eviction-failing': ({ message }) =>
    `its eviction fails (${message})` +
    ' - it is tried again; look at admission webhooks and at the API server',
  'pod-terminating': terminatingText,
  'volume-attached': ({ volume, claim, attachment }) =>
    `${volume} of claim ${claim} - it goes on by itself when that is detached; if this stays, see` +
    ` the CSI driver on the node, and kubectl describe volumeattachment ${attachment}`,
  'volume-awaited': ({ before }) =>
    `pods with volumes leave one after the other, and ${podText(before)} is before it` +
    ' - it goes on by itself when the volumes of that one are detached',
  'volumes-unobserved': ({ message }) =>
    `it cannot be seen when volumes are detached (${message})` +
    ' - grant the worker get and list on volumeattachments, and get on persistentvolumes',
  'pod-unmanaged': () =>
    'no controller owns it, so it would not come back' +
    ' - move or delete it, or set drain.unmanagedPods to evict',
  'pod-emptydir': () =>
    'it keeps data in an emptyDir volume, which leaves with it' +
    ' - save the data and delete the pod, or set drain.emptyDirData to delete',
  'daemonset-missing': ({ daemonSet }) =>
    `its DaemonSet ${daemonSet} does not exist any more - delete the pod`,
  'job-running': ({ job, sinceMs, untilMs }) =>
    `its Job ${job} may finish within ${formatDuration(untilMs - sinceMs)} of the drain's start` +
    ' - it goes on by itself, and the pod is evicted then; delete the pod to go on at once',
  'pod-awaited': ({ by, pod }) =>
    `${treatmentText(by, 'wait', pod)}, so it is not evicted but waited for` +
    ` - end what it does, or ${treatmentRemedy(by, pod)}`,
  'pod-held': ({ by, pod }) =>
    `${treatmentText(by, 'hold', pod)}, so nothing is evicted` +
    ` - move the pod, or ${treatmentRemedy(by, pod)}`,
  'drain-annotation-unreadable': ({ value }) =>
    `its annotation ${drainAnnotation} is ${JSON.stringify(value)}, not` +
    ` ${alternativesText(drainAnnotationValues)} - correct it, or remove it`,
  'surge-undone': undoneSurgeText,
};
