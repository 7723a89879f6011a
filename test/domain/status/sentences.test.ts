import type { Blocker, DrainBlocker } from '../../../domain/blockers';
import { blockerCodes } from '../../../domain/blockers';
import { blockerSentence } from '../../../domain/blocker-sentences';
import { failureInfo, remedyOf } from '../../../domain/failure-remedies';
import { failureCodes } from '../../../domain/failures';
import type { FindingObject } from '../../../domain/preflight/findings';
import {
  failureSentence,
  findingObjectText,
  findingSentence,
  gateSentence,
  startRefusalSentence,
} from '../../../domain/status/sentences';
import {
  clusterName,
  memberName,
  minor,
  nodeName,
  poolName,
  version,
} from '../../support/builders';
import { rowsOf, type SentenceTable } from '../support/sentence-table';
import { remedies } from '../support/remedies';
import { machineCases } from '../support/rollout-cases';
import { undrivenCases } from '../support/undriven-cases';
import { approval, gateIdOf, held, step } from '../support/waiting-gates';

const [cluster, member, node] = [clusterName('lab'), memberName('cp-1'), nodeName('worker-2')];

const since = { pod: { namespace: 'web', name: 'web-0' }, sinceMs: 1_000 };
const at = version('1.28.15');
const deployment = { kind: 'Deployment', namespace: 'web', name: 'web' } as const;

const blockers: SentenceTable<Blocker['code'], Blocker> = {
  'already-at-target': [
    [
      { code: 'already-at-target', cluster, at },
      'the control plane and every pool of lab are at 1.28.15 already - there is nothing to do',
    ],
  ],
  'target-lower': [
    [
      { code: 'target-lower', at, target: '1.27' },
      'the target 1.27 is older than 1.28.15, which the cluster runs - Kubernetes goes back only' +
        ' by rolling back a hop; name a newer target',
    ],
  ],
  'target-unknown': [
    [
      { code: 'target-unknown', target: '1.99', newestKnown: version('1.36.1') },
      'the target 1.99 cannot be installed; the newest release that can is 1.36.1 - name a' +
        ' release that can be installed, or make it available to the driver',
    ],
  ],
  'release-missing': [
    [
      { code: 'release-missing', minor: minor('1.29') },
      'no release of 1.29 can be installed, and the control plane never skips a minor - make a' +
        ' 1.29 release available to the driver',
    ],
  ],
  'hop-unsupported': [
    [
      {
        code: 'hop-unsupported',
        minor: minor('1.37'),
        oldest: minor('1.28'),
        newest: minor('1.36'),
      },
      'the minor 1.37 is not supported; hops from 1.28 to 1.36 are - use a version of Ascent' +
        ' that knows 1.37',
    ],
  ],
  'via-unusable': [
    [
      { code: 'via-unusable', version: at, why: 'not-on-path' },
      'the release 1.28.15 in via is not a release of a minor between the current one and the' +
        ' target - correct it, or leave it out to get the newest patch',
    ],
    [
      { code: 'via-unusable', version: at, why: 'duplicate-minor' },
      'the release 1.28.15 in via is one of several releases that via and target name for the' +
        ' same minor - correct it, or leave it out to get the newest patch',
    ],
    [
      { code: 'via-unusable', version: at, why: 'not-available' },
      'the release 1.28.15 in via cannot be installed on this cluster - correct it, or leave it' +
        ' out to get the newest patch',
    ],
  ],
  'etcd-change-unusable': (
    [
      [
        { why: 'unobserved' },
        'cannot be planned: not every member tells its version - bring all of etcd within reach',
      ],
      [{ why: 'duplicate-hop' }, 'is one of several for that hop - name one'],
      [
        { why: 'not-on-path' },
        'belongs to no hop of this upgrade - name a minor that it goes through',
      ],
      [
        { why: 'goes-back', at },
        'would go back from 1.28.15 - only the rollback of a hop does; name a newer one',
      ],
      [
        { why: 'skips-minor', at },
        'would skip a minor from 1.28.15 - name one of the minor after it first',
      ],
      [
        { why: 'unsupported', at },
        'was not looked into, from 1.28.15 - change it by hand, between two upgrades',
      ],
      [
        { why: 'patch-too-old', at, needed: version('3.5.26') },
        'may bring back members that were removed long ago, from 1.28.15' +
          ' - go to 3.5.26 or newer of the minor that runs in a hop before',
      ],
      [
        { why: 'not-available', at },
        'cannot be installed on this cluster - make it available to the driver',
      ],
    ] as const
  ).map(([fault, says]) => [
    {
      code: 'etcd-change-unusable',
      hop: minor('1.30'),
      version: version('3.6.16'),
      ...fault,
    } as const,
    `etcd 3.6.16 in the hop to 1.30 ${says}`,
  ]),
  'emulation-unusable': (
    [
      [{ why: 'duplicate-hop' }, 'is asked for twice - name each hop once'],
      [
        { why: 'not-on-path' },
        'belongs to no hop of this upgrade - name a minor that it goes through',
      ],
      [
        { why: 'too-old', from: minor('1.30'), needed: minor('1.32') },
        'cannot be: only programs of 1.32 and newer can serve as the minor before them, not as' +
          ' 1.30 - take the hop out of controlPlane.emulation',
      ],
    ] as const
  ).map(([fault, says]) => [
    { code: 'emulation-unusable', hop: minor('1.31'), ...fault } as const,
    `the hop to 1.31 in two steps ${says}`,
  ]),
  'member-emulates': [
    [
      { code: 'member-emulates', member, at: version('1.32.5'), emulates: minor('1.31') },
      'the API server of cp-1 runs 1.32.5 and was left serving as 1.31 - start it, and the' +
        ' controllers, without --emulated-version, or in the release before',
    ],
  ],
  'no-members': [
    [
      { code: 'no-members', cluster },
      'no control-plane member of lab is known - name them in the cluster access file',
    ],
  ],
  'single-member-not-allowed': [
    [
      { code: 'single-member-not-allowed', member },
      'cp-1 is the only control-plane member, so the API is down while it changes - set' +
        ' controlPlane.allowSingleMember to true to accept that',
    ],
  ],
  'member-unobserved': [
    [
      {
        code: 'member-unobserved',
        member,
        component: 'kube-scheduler',
        problem: 'connection refused',
      },
      'kube-scheduler of cp-1 could not be asked: connection refused - bring it up and within' +
        ' reach, then plan again',
    ],
  ],
  'mixed-control-plane': [
    [
      {
        code: 'mixed-control-plane',
        versions: [
          { member, at },
          { member: memberName('cp-2'), at: version('1.29.15') },
        ],
      },
      'the API servers run different releases: cp-1 1.28.15, cp-2 1.29.15 - bring all of them to' +
        ' one release first',
    ],
  ],
  'controller-skewed': [
    [
      {
        code: 'controller-skewed',
        member,
        component: 'kube-controller-manager',
        at,
        apiServer: version('1.29.15'),
      },
      'kube-controller-manager of cp-1 runs 1.28.15, its API server 1.29.15 - bring it to 1.29' +
        ' first',
    ],
  ],
  'kubelet-too-old': [
    [
      {
        code: 'kubelet-too-old',
        node,
        at: version('1.25.9'),
        oldestAllowed: minor('1.26'),
        apiServer: version('1.29.15'),
      },
      'node worker-2 runs kubelet 1.25.9; a 1.29 API server supports 1.26 and newer - upgrade' +
        ' the node first',
    ],
  ],
  'kubelet-too-new': [
    [
      { code: 'kubelet-too-new', node, at: version('1.29.1'), apiServer: at },
      "node worker-2 runs kubelet 1.29.1, newer than the API server's 1.28.15 - return the node" +
        ' to 1.28 first',
    ],
  ],
  'kubelet-unreported': [
    [
      { code: 'kubelet-unreported', node, reported: '' },
      'node worker-2 reports no kubelet version - see that its kubelet runs, or delete the Node' +
        ' object when no machine is behind it',
    ],
    [
      { code: 'kubelet-unreported', node, reported: 'dev' },
      'node worker-2 reports "dev" as its kubelet version, which is none - see that its kubelet' +
        ' runs, or delete the Node object when no machine is behind it',
    ],
  ],
  'pool-empty': [
    [
      { code: 'pool-empty', pool: poolName('web') },
      'no node belongs to pool web - correct its nodeSelector, or take it out of the spec',
    ],
    [
      { code: 'pool-empty', pool: poolName('web'), takenBy: [poolName('db')] },
      'no node is left for pool web: db before it takes every node that it selects - put web' +
        ' first, or let the selectors not overlap',
    ],
    [
      { code: 'pool-empty', pool: poolName('web'), takenBy: [poolName('db'), poolName('rest')] },
      'no node is left for pool web: db, rest before it take every node that it selects - put web' +
        ' first, or let the selectors not overlap',
    ],
  ],
  'pod-selector-unreadable': [
    [
      {
        code: 'pod-selector-unreadable',
        pool: poolName('web'),
        podSelector: '=,!',
        mistakes: ['column 1: expected a label key, got "="', 'column 4: expected a label key'],
      },
      'the podSelector "=,!" of pool web cannot be read: column 1: expected a label key, got "=";' +
        ' column 4: expected a label key - correct it, or leave it out to drain every pod',
    ],
  ],
  'namespace-unknown': [
    [
      { code: 'namespace-unknown', pool: poolName('web'), namespace: 'bathc' },
      'the drain policy of pool web is about namespace bathc, which does not exist - correct the' +
        ' name, or take it out of drain.namespaces',
    ],
  ],
  'order-label-missing': [
    [
      { code: 'order-label-missing', pool: poolName('web'), label: 'x/turn', nodes: [node] },
      'node worker-2 of pool web lacks the label x/turn, which orders them - label every node of' +
        ' the pool, or leave orderLabel out for the least disruptive first',
    ],
    [
      {
        code: 'order-label-missing',
        pool: poolName('web'),
        label: 'x/turn',
        nodes: [node, nodeName('worker-3'), nodeName('worker-4'), nodeName('worker-5')],
      },
      'nodes worker-2, worker-3, worker-4 and 1 more of pool web lack the label x/turn, which' +
        ' orders them - label every node of the pool, or leave orderLabel out for the least' +
        ' disruptive first',
    ],
  ],
  'node-without-pool': [
    [
      { code: 'node-without-pool', node },
      'node worker-2 belongs to no pool - widen the nodeSelector of a pool, or add a last pool' +
        ' with an empty one',
    ],
  ],
  'ladder-endless': [
    [
      { code: 'ladder-endless', pool: poolName('web'), ladder: ['surge'], why: 'no-end' },
      'the ladder [surge] of pool web has no end: nothing says what happens at the deadline of a' +
        ' drain - let it be surge, if it is wanted, and then either hold or quarantine',
    ],
    [
      {
        code: 'ladder-endless',
        pool: poolName('web'),
        ladder: ['hold', 'quarantine'],
        why: 'two-ends',
      },
      'the ladder [hold, quarantine] of pool web has two ends, hold and quarantine, of which one' +
        ' would never be come to - let it be surge, if it is wanted, and then either hold or' +
        ' quarantine',
    ],
    [
      { code: 'ladder-endless', pool: poolName('web'), ladder: ['hold', 'hold'], why: 'repeated' },
      'the ladder [hold, hold] of pool web names a rung twice - let it be surge, if it is wanted,' +
        ' and then either hold or quarantine',
    ],
    [
      {
        code: 'ladder-endless',
        pool: poolName('web'),
        ladder: ['hold', 'surge'],
        why: 'surge-late',
      },
      'the ladder [hold, surge] of pool web comes to surge after its end - let it be surge, if it' +
        ' is wanted, and then either hold or quarantine',
    ],
  ],
  'change-undriven': undrivenCases,
  ...machineCases,
  'plan-digest-changed': [
    [
      { code: 'plan-digest-changed', expected: 'aa', actual: 'bb' },
      'the plan is now bb, not aa as it was looked at - look at the new plan and start with its' +
        ' digest',
    ],
  ],
  'budget-exhausted': [
    [
      {
        code: 'budget-exhausted',
        ...since,
        budget: { namespace: 'web', name: 'web' },
        message: 'needs 2 healthy pods and has 2 currently',
      },
      'pod web/web-0 has not left: budget web/web allows no eviction now (needs 2 healthy pods' +
        ' and has 2 currently) - it goes on by itself when more of its pods are Ready; else add' +
        ' replicas or relax it',
    ],
    [
      { code: 'budget-exhausted', ...since, message: 'refused' },
      'pod web/web-0 has not left: a disruption budget allows no eviction now (refused) - it' +
        ' goes on by itself when more of its pods are Ready; else add replicas or relax it',
    ],
  ],
  'budget-not-observed': [
    [
      { code: 'budget-not-observed', ...since, message: 'still being processed' },
      'pod web/web-0 has not left: the disruption controller has not looked at its budget yet' +
        ' (still being processed) - see that kube-controller-manager runs',
    ],
  ],
  'budgets-overlap': [
    [
      { code: 'budgets-overlap', ...since, message: 'more than one' },
      'pod web/web-0 has not left: several budgets select it, which evictions do not support' +
        ' (more than one) - narrow the selectors until one is left',
    ],
  ],
  'api-throttled': [
    [
      { code: 'api-throttled', ...since, retryAfterSeconds: 10 },
      'pod web/web-0 has not left: the API server is busy and asked to wait 10 s - it goes on by' +
        ' itself; look at the load of the API server if this stays',
    ],
  ],
  'namespace-terminating': [
    [
      { code: 'namespace-terminating', ...since },
      'pod web/web-0 has not left: its namespace is being deleted - it goes on by itself when' +
        ' the pod is gone',
    ],
  ],
  'eviction-forbidden': [
    [
      { code: 'eviction-forbidden', ...since, message: 'no rights' },
      'pod web/web-0 has not left: the API server forbids its eviction (no rights) - grant the' +
        ' worker the right to create pods/eviction (and to delete pods, for one that is forced),' +
        ' or correct the budget',
    ],
  ],
  'eviction-failing': [
    [
      { code: 'eviction-failing', ...since, message: 'failed calling webhook' },
      'pod web/web-0 has not left: its eviction fails (failed calling webhook) - it is tried' +
        ' again; look at admission webhooks and at the API server',
    ],
  ],
  'pod-terminating': [
    [
      { code: 'pod-terminating', ...since, finalizers: [], gracePeriodSeconds: 30 },
      'pod web/web-0 has not left: it is terminating with a grace period of 30 s - if this' +
        ' stays, see that its node is Ready and its preStop hook ends',
    ],
    [
      { code: 'pod-terminating', ...since, finalizers: ['a/b', 'c'], gracePeriodSeconds: 30 },
      'pod web/web-0 has not left: it is terminating, held by finalizers: a/b, c - see why their' +
        ' owners do not remove them',
    ],
    [
      {
        code: 'pod-terminating',
        ...since,
        finalizers: ['a/b', 'c'],
        gracePeriodSeconds: 30,
        cause: 'finalizer',
      },
      'pod web/web-0 has not left: it is terminating, held by finalizers: a/b, c - see why their' +
        ' owners do not remove them; remove one by hand only when what it guards is done',
    ],
    [
      {
        code: 'pod-terminating',
        ...since,
        finalizers: [],
        gracePeriodSeconds: 30,
        cause: 'node-not-ready',
      },
      'pod web/web-0 has not left: it is terminating and its node is not Ready, so nobody' +
        ' confirms that it has ended - bring the kubelet of the node back; only when its machine' +
        ' is verified to be off, taint the node' +
        ' node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
    ],
    [
      {
        code: 'pod-terminating',
        ...since,
        finalizers: ['batch.kubernetes.io/job-tracking'],
        gracePeriodSeconds: 30,
        cause: 'node-not-ready',
      },
      'pod web/web-0 has not left: it is terminating and its node is not Ready, so nobody' +
        ' confirms that it has ended (finalizers: batch.kubernetes.io/job-tracking) - bring the' +
        ' kubelet of the node back; only when its machine is verified to be off, taint the node' +
        ' node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
    ],
    [
      {
        code: 'pod-terminating',
        ...since,
        finalizers: [],
        gracePeriodSeconds: 600,
        cause: 'grace',
        untilMs: since.sinceMs + 600_000,
      },
      'pod web/web-0 has not left: it is terminating and has 10 min of grace for that - it goes' +
        ' on by itself; drain.gracePeriodSeconds gives the pods of the next drain less',
    ],
    [
      {
        code: 'pod-terminating',
        ...since,
        finalizers: [],
        gracePeriodSeconds: 30,
        cause: 'volume',
      },
      'pod web/web-0 has not left: its containers have ended, and its node has not let go of' +
        ' volumes - see the log of the kubelet there, and the CSI driver of the volumes that it' +
        ' claims',
    ],
    [
      {
        code: 'pod-terminating',
        ...since,
        finalizers: [],
        gracePeriodSeconds: 30,
        cause: 'unconfirmed',
      },
      'pod web/web-0 has not left: its grace period of 30 s is over and the kubelet has not' +
        ' confirmed that it has ended - see the kubelet and the container runtime of its node,' +
        ' its preStop hook and its volumes',
    ],
  ],
  'volume-attached': [
    [
      {
        code: 'volume-attached',
        ...since,
        volume: 'pvc-7a',
        claim: 'data-web-0',
        attachment: 'csi-3f',
      },
      'a volume of pod web/web-0, which has left, is still attached: pvc-7a of claim data-web-0 -' +
        ' it goes on by itself when that is detached; if this stays, see the CSI driver on the' +
        ' node, and kubectl describe volumeattachment csi-3f',
    ],
  ],
  'volume-awaited': [
    [
      { code: 'volume-awaited', ...since, before: { namespace: 'web', name: 'web-1' } },
      'pod web/web-0 has not left: pods with volumes leave one after the other, and web/web-1 is' +
        ' before it - it goes on by itself when the volumes of that one are detached',
    ],
  ],
  'volumes-unobserved': [
    [
      { code: 'volumes-unobserved', ...since, message: 'HTTP 403' },
      'pod web/web-0 and others with volumes do not wait: it cannot be seen when volumes are' +
        ' detached (HTTP 403) - grant the worker get and list on volumeattachments, and get on' +
        ' persistentvolumes',
    ],
  ],
  'pod-unmanaged': [
    [
      { code: 'pod-unmanaged', ...since },
      'pod web/web-0 has not left: no controller owns it, so it would not come back - move or' +
        ' delete it, or set drain.unmanagedPods to evict',
    ],
  ],
  'pod-emptydir': [
    [
      { code: 'pod-emptydir', ...since },
      'pod web/web-0 has not left: it keeps data in an emptyDir volume, which leaves with it -' +
        ' save the data and delete the pod, or set drain.emptyDirData to delete',
    ],
  ],
  'daemonset-missing': [
    [
      { code: 'daemonset-missing', ...since, daemonSet: 'log-agent' },
      'pod web/web-0 has not left: its DaemonSet log-agent does not exist any more - delete the' +
        ' pod',
    ],
  ],
  'job-running': [
    [
      { code: 'job-running', ...since, job: 'import', untilMs: since.sinceMs + 3_600_000 },
      "pod web/web-0 has not left: its Job import may finish within 1 h of the drain's start - it" +
        ' goes on by itself, and the pod is evicted then; delete the pod to go on at once',
    ],
  ],
  'pod-awaited': [
    [
      { code: 'pod-awaited', ...since, by: 'annotation' },
      'pod web/web-0 has not left: its annotation ascent.dev/drain is wait, so it is not evicted' +
        ' but waited for - end what it does, or change that to ascent.dev/drain: evict',
    ],
    [
      { code: 'pod-awaited', ...since, by: 'namespace' },
      'pod web/web-0 has not left: the drain policy for namespace web is wait, so it is not' +
        ' evicted but waited for - end what it does, or take web out of drain.namespaces, or' +
        ' annotate the pod ascent.dev/drain: evict',
    ],
  ],
  'pod-held': [
    [
      { code: 'pod-held', ...since, by: 'annotation' },
      'pod web/web-0 has not left: its annotation ascent.dev/drain is hold, so nothing is' +
        ' evicted - move the pod, or change that to ascent.dev/drain: evict',
    ],
    [
      { code: 'pod-held', ...since, by: 'namespace' },
      'pod web/web-0 has not left: the drain policy for namespace web is hold, so nothing is' +
        ' evicted - move the pod, or take web out of drain.namespaces, or annotate the pod' +
        ' ascent.dev/drain: evict',
    ],
  ],
  'drain-annotation-unreadable': [
    [
      { code: 'drain-annotation-unreadable', ...since, value: 'Skip' },
      'pod web/web-0 has not left: its annotation ascent.dev/drain is "Skip", not evict, skip,' +
        ' wait or hold - correct it, or remove it',
    ],
  ],
  'surge-undone': [
    [
      {
        code: 'surge-undone',
        ...since,
        raised: deployment,
        from: 1,
        to: 2,
        found: 1,
        by: 'argocd-controller',
      },
      'pod web/web-0 has not left: Deployment web/web was raised from 1 to 2 replicas for it, but' +
        ' argocd-controller set 1 replica meanwhile; it is not raised again - add a replica where' +
        ' that is decided, such as its Git repository, or relax the budget',
    ],
    [
      { code: 'surge-undone', ...since, raised: deployment, from: 1, to: 2, found: 2 },
      'pod web/web-0 has not left: Deployment web/web was raised from 1 to 2 replicas for it, but' +
        ' somebody took away the annotation that says so; it is not raised again - add a replica' +
        ' where that is decided, such as its Git repository, or relax the budget',
    ],
  ],
};

describe('a blocker', () => {
  it.each(rowsOf(blockers))('$code says: $sentence', ({ variant, sentence }) => {
    expect(blockerSentence(variant)).toBe(sentence);
  });

  it('says for how long it has stood when told the time', () => {
    const blocker: DrainBlocker = { code: 'pod-unmanaged', ...since };
    expect(blockerSentence(blocker, 126_000)).toMatch(
      /^pod web\/web-0 has not left for 2 min 5 s:/,
    );
  });

  it('has a sentence for every code', () => {
    expect(Object.keys(blockers).toSorted()).toEqual([...blockerCodes].toSorted());
  });
});

describe('a failure', () => {
  it('has a remedy for every code', () => {
    expect(Object.fromEntries(failureCodes.map((code) => [code, remedyOf(code)]))).toEqual(
      remedies,
    );
  });

  it('is said with its remedy', () => {
    const [code, message] = ['node-not-ready', 'node worker-2 was not Ready within 2 min'] as const;
    const failure = failureInfo(code, message);
    expect(failure).toEqual({ code, message, remedy: remedies[code] });
    expect(failureSentence(failure)).toBe(
      'node worker-2 was not Ready within 2 min - look at the kubelet of the node; retry the' +
        ' node, or quarantine it',
    );
  });
});

it.each<{ object: FindingObject; text: string }>([
  { object: { kind: 'cluster' }, text: 'cluster' },
  { object: { kind: 'member', name: member }, text: 'member cp-1' },
  { object: { kind: 'etcd', name: 'etcd-1' }, text: 'etcd etcd-1' },
  { object: { kind: 'node', name: node }, text: 'node worker-2' },
  {
    object: { kind: 'budget', budget: { namespace: 'web', name: 'web' } },
    text: 'disruption budget web/web',
  },
  { object: { kind: 'lease', name: 'kube-system/x' }, text: 'lease kube-system/x' },
  { object: { kind: 'snapshot-store', location: '/snapshots' }, text: 'snapshot store /snapshots' },
])('an object of kind $object.kind is called $text', ({ object, text }) => {
  expect(findingObjectText(object)).toBe(text);
});

describe('a start', () => {
  it('says all blockers at once', () => {
    const sentence = startRefusalSentence({
      code: 'blocked',
      blockers: [
        { code: 'no-members', cluster },
        { code: 'pool-empty', pool: poolName('web') },
      ],
    });
    expect(sentence).toBe(
      'no plan can be made: no control-plane member of lab is known - name them in the cluster' +
        ' access file; no node belongs to pool web - correct its nodeSelector, or take it out of' +
        ' the spec',
    );
  });

  it('says that no worker answered', () => {
    expect(
      startRefusalSentence({ code: 'worker-missing', taskQueue: 'cluster/lab', waitedSeconds: 20 }),
    ).toBe(
      'no worker took work from cluster/lab within 20 s - start a worker that serves this' +
        ' cluster, then start again',
    );
  });

  it('says that the cluster could not be looked at', () => {
    const failure = failureInfo('credentials-refused', 'the API server of cp-1 answered 401');
    expect(startRefusalSentence({ code: 'planning-failed', failure })).toBe(
      'the cluster could not be looked at: the API server of cp-1 answered 401 - correct the' +
        " worker's credentials, its snapshot key or its rights, then try again",
    );
  });
});

describe('a gate', () => {
  it('for an approval says what to answer', () => {
    expect(gateSentence(approval)).toBe(
      'hop-1.30 waits for an approval - approve or reject approve/hop-1.30',
    );
    expect(gateSentence(approval, 7_200_000)).toBe(
      'hop-1.30 has waited for 2 h for an approval - approve or reject approve/hop-1.30',
    );
  });

  it('for a step says what failed, with the findings that block', () => {
    expect(gateSentence(step, 60_000)).toBe(
      'step preflight of hop-1.29 has been stopped for 1 min: 1 finding blocks - remove it;' +
        ' etcd etcd-1: alarm NOSPACE is raised - defragment - approve hop-1.29/preflight to try' +
        ' the step again, or reject it to end here',
    );
  });

  it.each([
    ['preflight', false],
    ['snapshot', false],
    ['plan', false],
    ['rollback restore', false],
    ['hop', true],
    ['api-server cp-1', true],
    ['pool web', true],
  ])('for the step %s offers to roll back only what can be: %s', (label, isOffered) => {
    const gate = { ...step, step: label, id: gateIdOf(`hop-1.29/${label}`), findings: [] };
    const answers = isOffered
      ? `to try the step again, reject it to end here, or roll back hop-1.29`
      : `to try the step again, or reject it to end here`;
    expect(gateSentence(gate)).toMatch(new RegExp(` - approve hop-1\\.29/${label} ${answers}$`));
  });

  it('proposes to roll back where the policy of the spec does', () => {
    const member = {
      ...step,
      step: 'api-server cp-1',
      findings: [],
      proposes: 'rollBack',
    } as const;
    expect(gateSentence(member)).toMatch(
      /reject it to end here, or roll back hop-1\.29, which is proposed: no pool of it has begun$/,
    );
  });

  it('for a node says what holds it', () => {
    expect(gateSentence(held)).toBe(
      'node worker-2 of pool web is held: not Ready - look; pod web/web-0 has not left: no' +
        ' controller owns it, so it would not come back - move or delete it, or set' +
        ' drain.unmanagedPods to evict - retry, skip or quarantine node worker-2, or roll back' +
        ' hop-1.29',
    );
  });

  it('shows a finding with its object', () => {
    const [finding] = step.findings;
    expect(finding && findingSentence(finding)).toBe(
      'etcd etcd-1: alarm NOSPACE is raised - defragment',
    );
  });
});
