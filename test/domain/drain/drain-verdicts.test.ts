import fc from 'fast-check';

import {
  daemonSetOf,
  daemonSetsToLookUp,
  type DrainPod,
  type DrainQuestion,
  drainVerdicts,
  podVerdicts,
  refusalBlockers,
} from '../../../domain/drain/drain-verdicts';

type Question = DrainQuestion<DrainPod>;
type Policy = Question['policy'];

const strict: Policy = { emptyDirData: 'refuse', unmanagedPods: 'refuse' };
const lenient: Policy = { emptyDirData: 'delete', unmanagedPods: 'evict' };

function aPod(over: Partial<DrainPod> = {}): DrainPod {
  return {
    ref: { namespace: 'shop', name: 'web-1' },
    phase: 'Running',
    labels: {},
    isMirror: false,
    hasEmptyDir: false,
    controller: { kind: 'ReplicaSet', name: 'web' },
    ...over,
  };
}

function unmanaged(over: Partial<DrainPod> = {}): DrainPod {
  const { controller: _dropped, ...pod } = aPod(over);
  return pod;
}

function aQuestion(pods: readonly DrainPod[], over: Partial<Question> = {}): Question {
  return { pods, policy: strict, missingDaemonSets: [], startedAtMs: 0, nowMs: 0, ...over };
}

/** `refuse pod-unmanaged pod-emptydir`: what happens to the pod, and why. */
function verdictOn(pod: DrainPod, over: Partial<Question> = {}): string | undefined {
  const [told] = podVerdicts(aQuestion([pod], over));
  return told === undefined ? undefined : `${told.verdict} ${told.reasons.join(' ')}`;
}

const ofDaemonSet = { controller: { kind: 'DaemonSet', name: 'logs' } };
const ofJob = { controller: { kind: 'Job', name: 'import' } };
const daemonSetGone = { missingDaemonSets: [{ namespace: 'shop', name: 'logs' }] };
const finished = { phase: 'Succeeded' };
const leaving = { deletionTimestampMs: 5 };

describe('a pod', () => {
  it.each<[string, DrainPod, Partial<Question>, string]>([
    ['of a controller leaves', aPod(), {}, 'evict managed'],
    [
      'whose controller is of an unknown kind leaves',
      aPod({ controller: { kind: 'Whatever', name: 'x' } }),
      {},
      'evict managed',
    ],
    ['that is a mirror stays', aPod({ isMirror: true }), {}, 'skip mirror'],
    [
      'that is a mirror stays, whatever else it is',
      aPod({ isMirror: true, hasEmptyDir: true, drainAnnotation: 'hold', ...leaving }),
      {},
      'skip mirror',
    ],
    ['of a DaemonSet stays', aPod(ofDaemonSet), {}, 'skip daemonset'],
    [
      'of a DaemonSet stays, whatever else it is',
      aPod({ ...ofDaemonSet, phase: 'Failed', drainAnnotation: 'evcit', ...leaving }),
      { policy: { ...strict, podSelector: 'app=web' } },
      'skip daemonset',
    ],
    ['whose DaemonSet is gone', aPod(ofDaemonSet), daemonSetGone, 'refuse daemonset-missing'],
    [
      'whose DaemonSet is gone leaves when unmanaged pods may',
      aPod(ofDaemonSet),
      { ...daemonSetGone, policy: lenient },
      'evict allowed-by-policy',
    ],
    [
      'whose DaemonSet is gone leaves when it is finished',
      aPod({ ...ofDaemonSet, ...finished }),
      daemonSetGone,
      'evict finished',
    ],
    ['that is leaving is waited for', aPod(leaving), {}, 'wait terminating'],
    [
      'that is leaving is waited for, though the policy would refuse it',
      unmanaged({ hasEmptyDir: true, drainAnnotation: 'hold', ...leaving }),
      {},
      'wait terminating',
    ],
    [
      'that is finished leaves, whatever it holds',
      unmanaged({ hasEmptyDir: true, ...finished }),
      {},
      'evict finished',
    ],
    ['that failed leaves', unmanaged({ phase: 'Failed' }), {}, 'evict finished'],
    ['with emptyDir', aPod({ hasEmptyDir: true }), {}, 'refuse pod-emptydir'],
    [
      'with emptyDir leaves when its data may go',
      aPod({ hasEmptyDir: true }),
      { policy: lenient },
      'evict allowed-by-policy',
    ],
    ['of nobody', unmanaged(), {}, 'refuse pod-unmanaged'],
    ['of nobody leaves when it may', unmanaged(), { policy: lenient }, 'evict allowed-by-policy'],
    [
      'of nobody and with emptyDir',
      unmanaged({ hasEmptyDir: true }),
      {},
      'refuse pod-unmanaged pod-emptydir',
    ],
    [
      'of nobody and with emptyDir, when one of both is allowed',
      unmanaged({ hasEmptyDir: true }),
      { policy: { emptyDirData: 'delete', unmanagedPods: 'refuse' } },
      'refuse pod-unmanaged',
    ],
  ])('%s', (_name, pod, question, expected) => {
    expect(verdictOn(pod, question)).toBe(expected);
  });
});

describe('a pod that the selector does not select', () => {
  const policy: Policy = { ...strict, podSelector: 'app=web' };

  it.each<[string, DrainPod, string]>([
    ['stays', aPod({ labels: { app: 'db' } }), 'skip not-selected'],
    [
      'stays and is not waited for when it is leaving',
      aPod({ labels: { app: 'db' }, ...leaving }),
      'skip not-selected',
    ],
    [
      'stays whatever its annotation says',
      aPod({ labels: { app: 'db' }, drainAnnotation: 'hold' }),
      'skip not-selected',
    ],
    ['is another than one that it selects', aPod({ labels: { app: 'web' } }), 'evict managed'],
  ])('%s', (_name, pod, expected) => {
    expect(verdictOn(pod, { policy })).toBe(expected);
  });

  it('is none when the selector cannot be read: that is an error', () => {
    const question = aQuestion([aPod()], { policy: { ...strict, podSelector: 'app=(' } });
    const error = new RangeError('podSelector app=(: column 5: expected a value, got "("');
    expect(() => drainVerdicts(question)).toThrow(error);
    expect(() => podVerdicts(question)).toThrow(error);
  });
});

describe('a pod with something said of it', () => {
  const policy: Policy = { ...strict, namespaces: { shop: 'wait', logs: 'skip', db: 'hold' } };
  const inSkipped = { ref: { namespace: 'logs', name: 'a' } };
  const inHeld = { ref: { namespace: 'db', name: 'a' } };

  it.each<[string, DrainPod, string]>([
    ['by its namespace: wait', aPod(), 'wait pod-awaited'],
    ['by its namespace: skip', aPod(inSkipped), 'skip skipped-by-namespace'],
    ['by its namespace: hold', aPod(inHeld), 'refuse pod-held'],
    ['by its annotation: wait', aPod({ ...inHeld, drainAnnotation: 'wait' }), 'wait pod-awaited'],
    [
      'by its annotation: skip',
      aPod({ ...inHeld, drainAnnotation: 'skip' }),
      'skip skipped-by-annotation',
    ],
    ['by its annotation: hold', aPod({ ...inSkipped, drainAnnotation: 'hold' }), 'refuse pod-held'],
    ['by its annotation: evict', aPod({ ...inHeld, drainAnnotation: 'evict' }), 'evict managed'],
    [
      'that cannot be read',
      aPod({ ...inSkipped, drainAnnotation: 'Skip' }),
      'refuse drain-annotation-unreadable',
    ],
    [
      'that cannot be read, though it is finished',
      aPod({ drainAnnotation: '', ...finished }),
      'refuse drain-annotation-unreadable',
    ],
    [
      'that gives no leave to lose data',
      unmanaged({ hasEmptyDir: true, drainAnnotation: 'evict' }),
      'refuse pod-unmanaged pod-emptydir',
    ],
    [
      'beside what forbids it: everything is told',
      unmanaged({ ...inHeld, hasEmptyDir: true }),
      'refuse pod-held pod-unmanaged pod-emptydir',
    ],
    [
      'wait: it loses nothing as long as it is not evicted',
      unmanaged({ hasEmptyDir: true }),
      'wait pod-awaited',
    ],
    [
      'skip: it stays also when it is leaving',
      aPod({ ...inSkipped, ...leaving }),
      'skip skipped-by-namespace',
    ],
    [
      'skip: it stays also when it is finished',
      aPod({ ...inSkipped, ...finished }),
      'skip skipped-by-namespace',
    ],
    ['wait: it leaves when it is finished', aPod(finished), 'evict finished'],
    [
      'wait by its annotation: it leaves when it is finished',
      aPod({ drainAnnotation: 'wait', ...finished }),
      'evict finished',
    ],
    [
      'hold by its namespace: it leaves when it is finished',
      aPod({ ...inHeld, ...finished }),
      'evict finished',
    ],
    [
      'hold by its annotation: it stays also when it is finished',
      unmanaged({ drainAnnotation: 'hold', hasEmptyDir: true, ...finished }),
      'refuse pod-held',
    ],
    [
      'by a namespace with the name of something that every object has',
      aPod({ ref: { namespace: 'constructor', name: 'a' } }),
      'evict managed',
    ],
  ])('%s', (_name, pod, expected) => {
    expect(verdictOn(pod, { policy })).toBe(expected);
  });
});

describe('a pod of a Job', () => {
  const policy: Policy = { ...strict, jobTimeoutMs: 60_000 };
  const soon: Partial<Question> = { policy, startedAtMs: 1_000, nowMs: 60_999 };

  it.each<[string, DrainPod, Partial<Question>, string]>([
    ['leaves when nothing is said of Jobs', aPod(ofJob), {}, 'evict managed'],
    ['may finish', aPod(ofJob), soon, 'wait job-running'],
    ['may begin', aPod({ ...ofJob, phase: 'Pending' }), soon, 'wait job-running'],
    ['leaves when it is finished', aPod({ ...ofJob, ...finished }), soon, 'evict finished'],
    ['leaves when its time is over', aPod(ofJob), { ...soon, nowMs: 61_000 }, 'evict managed'],
    [
      'may finish before its data is looked at',
      aPod({ ...ofJob, hasEmptyDir: true }),
      soon,
      'wait job-running',
    ],
    [
      'is refused for its data when its time is over',
      aPod({ ...ofJob, hasEmptyDir: true }),
      { ...soon, nowMs: 61_000 },
      'refuse pod-emptydir',
    ],
    [
      'leaves at once when its annotation says so',
      aPod({ ...ofJob, drainAnnotation: 'evict' }),
      soon,
      'evict managed',
    ],
    [
      'is waited for without end when its namespace says so',
      aPod(ofJob),
      { ...soon, policy: { ...policy, namespaces: { shop: 'wait' } } },
      'wait pod-awaited',
    ],
    ['is another than one of nobody', unmanaged(), soon, 'refuse pod-unmanaged'],
  ])('%s', (_name, pod, question, expected) => {
    expect(verdictOn(pod, question)).toBe(expected);
  });
});

const named = (name: string, pod: DrainPod): DrainPod => ({
  ...pod,
  ref: { namespace: 'shop', name },
});

describe('the pods of a node', () => {
  const web = named('web', aPod());
  const going = named('going', aPod(leaving));
  const mirror = named('mirror', aPod({ isMirror: true }));
  const logs = named('logs', aPod(ofDaemonSet));
  const orphan = named('orphan', aPod({ controller: { kind: 'DaemonSet', name: 'gone' } }));
  const scratch = named('scratch', unmanaged({ hasEmptyDir: true }));
  const batch = named('batch', aPod(ofJob));
  const held = named('held', aPod({ drainAnnotation: 'hold' }));
  const patient = named('patient', aPod({ drainAnnotation: 'wait' }));
  const odd = named('odd', aPod({ drainAnnotation: 'x'.repeat(100) }));
  const pods = [web, going, mirror, logs, orphan, scratch, batch, held, patient, odd];
  const missingDaemonSets = [{ namespace: 'shop', name: 'gone' }];
  const question = aQuestion(pods, {
    policy: { ...strict, jobTimeoutMs: 60_000, namespaces: { db: 'hold' } },
    missingDaemonSets,
    startedAtMs: 1_000,
    nowMs: 2_000,
  });

  it('are sorted by what happens to them', () => {
    expect(drainVerdicts(question)).toEqual({
      evict: [web],
      later: [],
      wait: [
        { pod: going, waiting: { code: 'terminating' } },
        { pod: batch, waiting: { code: 'job-running', job: 'import', untilMs: 61_000 } },
        { pod: patient, waiting: { code: 'pod-awaited', by: 'annotation' } },
      ],
      skip: [mirror, logs],
      refuse: [
        { pod: orphan, reasons: [{ code: 'daemonset-missing', daemonSet: 'gone' }] },
        { pod: scratch, reasons: [{ code: 'pod-unmanaged' }, { code: 'pod-emptydir' }] },
        { pod: held, reasons: [{ code: 'pod-held', by: 'annotation' }] },
        {
          pod: odd,
          reasons: [{ code: 'drain-annotation-unreadable', value: 'x'.repeat(60) }],
        },
      ],
    });
  });

  it('are told one by one, by namespace and name, with every reason', () => {
    const elsewhere = aPod({ ref: { namespace: 'db', name: 'zoo' } });
    const one = (name: string, verdict: string, ...reasons: string[]): object => ({
      namespace: 'shop',
      name,
      verdict,
      reason: reasons[0],
      reasons,
    });
    expect(podVerdicts({ ...question, pods: [...pods, elsewhere] })).toEqual([
      { ...one('zoo', 'refuse', 'pod-held'), namespace: 'db' },
      one('batch', 'wait', 'job-running'),
      one('going', 'wait', 'terminating'),
      one('held', 'refuse', 'pod-held'),
      one('logs', 'skip', 'daemonset'),
      one('mirror', 'skip', 'mirror'),
      one('odd', 'refuse', 'drain-annotation-unreadable'),
      one('orphan', 'refuse', 'daemonset-missing'),
      one('patient', 'wait', 'pod-awaited'),
      one('scratch', 'refuse', 'pod-unmanaged', 'pod-emptydir'),
      one('web', 'evict', 'managed'),
    ]);
  });

  it('do not take a DaemonSet of another namespace for the missing one', () => {
    const elsewhere = { missingDaemonSets: [{ namespace: 'other', name: 'gone' }] };
    expect(verdictOn(orphan, elsewhere)).toBe('skip daemonset');
  });

  it('ask for each DaemonSet once, and for none of a mirror pod', () => {
    const again = named('logs-2', aPod(ofDaemonSet));
    const mirrored = named('static', aPod({ ...ofDaemonSet, isMirror: true }));
    expect(daemonSetsToLookUp([logs, again, web, mirrored])).toEqual([
      { namespace: 'shop', name: 'logs' },
    ]);
  });

  it('that are refused become blockers', () => {
    const inDb = aPod({ ref: { namespace: 'db', name: 'pg' } });
    const { refuse } = drainVerdicts({ ...question, pods: [orphan, scratch, inDb, odd] });
    expect(refusalBlockers(refuse, 7)).toEqual([
      { code: 'daemonset-missing', pod: orphan.ref, daemonSet: 'gone', sinceMs: 7 },
      { code: 'pod-unmanaged', pod: scratch.ref, sinceMs: 7 },
      { code: 'pod-emptydir', pod: scratch.ref, sinceMs: 7 },
      { code: 'pod-held', pod: inDb.ref, by: 'namespace', sinceMs: 7 },
      { code: 'drain-annotation-unreadable', pod: odd.ref, value: 'x'.repeat(60), sinceMs: 7 },
    ]);
  });
});

describe('the tiers', () => {
  const web = named('web', aPod({ priority: 1_999_999_999 }));
  const dns = named('dns', aPod({ priority: 2_000_000_000 }));
  const nodeCritical = named('agent', aPod({ priority: 2_000_001_000 }));
  const worker = named(
    'worker',
    aPod({ priority: 2_000_000_000, labels: { 'app.kubernetes.io/part-of': 'ascent' } }),
  );
  const split = (...pods: readonly DrainPod[]): object => {
    const { evict, later } = drainVerdicts(aQuestion(pods));
    return { evict, later };
  };

  it('let ordinary pods leave first, then the cluster’s, the node’s, and those of Ascent', () => {
    expect(split(worker, nodeCritical, web, dns)).toEqual({
      evict: [web],
      later: [worker, nodeCritical, dns],
    });
    expect(split(worker, nodeCritical, dns)).toEqual({
      evict: [dns],
      later: [worker, nodeCritical],
    });
    expect(split(worker, nodeCritical)).toEqual({ evict: [nodeCritical], later: [worker] });
    expect(split(worker)).toEqual({ evict: [worker], later: [] });
  });

  it('let those of the cluster leave beside ordinary pods that are leaving', () => {
    const going = named('going', aPod(leaving));
    expect(split(worker, nodeCritical, dns, going)).toEqual({
      evict: [dns],
      later: [worker, nodeCritical],
    });
    expect(split(worker, nodeCritical, going)).toEqual({
      evict: [],
      later: [worker, nodeCritical],
    });
  });

  it('wait for those of a tier before that are waited for, or are to leave', () => {
    const patient = named('patient', aPod({ drainAnnotation: 'wait' }));
    const going = named('going', aPod(leaving));
    expect(split(dns, patient, going)).toEqual({ evict: [], later: [dns] });
    expect(split(dns, web, going)).toEqual({ evict: [web], later: [dns] });
    const leavingDns = { ...named('other-dns', dns), ...leaving };
    expect(split(worker, nodeCritical, leavingDns)).toEqual({
      evict: [],
      later: [worker, nodeCritical],
    });
  });

  it('do not wait for those of a tier behind, nor for pods that stay', () => {
    const slow = { ...dns, ...leaving };
    expect(split(web, slow)).toEqual({ evict: [web], later: [] });
    const mirror = named('mirror', aPod({ isMirror: true }));
    expect(split(dns, mirror)).toEqual({ evict: [dns], later: [] });
  });
});

describe('laws', () => {
  const annotation = fc.option(fc.constantFrom('evict', 'skip', 'wait', 'hold', 'odd'), {
    nil: undefined,
  });
  const kind = fc.constantFrom('ReplicaSet', 'DaemonSet', 'Job');
  const pod = fc
    .record({
      namespace: fc.constantFrom('a', 'b', 'c', 'd'),
      phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed'),
      app: fc.constantFrom('web', 'db'),
      isOurs: fc.boolean(),
      priority: fc.option(fc.constantFrom(0, 2_000_000_000), { nil: undefined }),
      isMirror: fc.boolean(),
      hasEmptyDir: fc.boolean(),
      kind: fc.option(kind, { nil: undefined }),
      drainAnnotation: annotation,
      isLeaving: fc.boolean(),
    })
    .map((given): Omit<DrainPod, 'ref'> & { readonly namespace: string } => ({
      namespace: given.namespace,
      phase: given.phase,
      labels: {
        app: given.app,
        ...(given.isOurs ? { 'app.kubernetes.io/part-of': 'ascent' } : {}),
      },
      isMirror: given.isMirror,
      hasEmptyDir: given.hasEmptyDir,
      ...(given.priority === undefined ? {} : { priority: given.priority }),
      ...(given.kind === undefined ? {} : { controller: { kind: given.kind, name: 'x' } }),
      ...(given.drainAnnotation === undefined ? {} : { drainAnnotation: given.drainAnnotation }),
      ...(given.isLeaving ? leaving : {}),
    }));
  const pods = fc.array(pod, { maxLength: 12 }).map((given) =>
    given.map(({ namespace, ...rest }, index): DrainPod => ({
      ...rest,
      ref: { namespace, name: `pod-${index}` },
    })),
  );
  const treatment = fc.constantFrom('skip' as const, 'wait' as const, 'hold' as const);
  const policies = fc.record({
    emptyDirData: fc.constantFrom('delete' as const, 'refuse' as const),
    unmanagedPods: fc.constantFrom('evict' as const, 'refuse' as const),
    podSelector: fc.constantFrom('', 'app=web', 'app!=web'),
    jobTimeoutMs: fc.constantFrom(0, 5, 50),
    namespaces: fc.dictionary(fc.constantFrom('a', 'b'), treatment),
  });
  const questions = fc.record<Question>({
    pods,
    policy: policies,
    missingDaemonSets: fc.constantFrom([], [{ namespace: 'a', name: 'x' }]),
    startedAtMs: fc.constant(100),
    nowMs: fc.nat({ max: 40 }).map((ms) => 100 + ms),
  });
  const evictable = (question: Question): ReadonlySet<DrainPod> => {
    const { evict, later } = drainVerdicts(question);
    return new Set([...evict, ...later]);
  };

  it('every pod is in exactly one list, and told as it is sorted', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const { evict, later, wait, skip, refuse } = drainVerdicts(question);
        const lists = {
          evict: [...evict, ...later],
          wait: wait.map((one) => one.pod),
          skip,
          refuse: refuse.map((one) => one.pod),
        };
        const sorted = Object.entries(lists).flatMap(([verdict, those]) =>
          those.map(({ ref }) => ({ ...ref, verdict })),
        );
        const told = podVerdicts(question);
        expect(sorted).toHaveLength(question.pods.length);
        expect(told).toEqual(
          expect.arrayContaining(sorted.map((one) => expect.objectContaining(one))),
        );
        expect(told).toHaveLength(sorted.length);
      }),
    );
  });

  it('the order of the pods decides nothing', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const reversed = { ...question, pods: question.pods.toReversed() };
        expect(podVerdicts(reversed)).toEqual(podVerdicts(question));
        const { evict } = drainVerdicts(question);
        expect(drainVerdicts(reversed).evict).toEqual(evict.toReversed());
      }),
    );
  });

  it('something leaves now or is waited for as long as something is to leave later', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const { evict, later, wait } = drainVerdicts(question);
        expect(later.length === 0 || evict.length + wait.length > 0).toBe(true);
      }),
    );
  });

  it('a stricter policy evicts no pod that a laxer one does not', () => {
    const stricter = fc.constantFrom<(policy: Policy) => Policy>(
      (policy) => ({ ...policy, emptyDirData: 'refuse' }),
      (policy) => ({ ...policy, unmanagedPods: 'refuse' }),
      (policy) => ({ ...policy, jobTimeoutMs: (policy.jobTimeoutMs ?? 0) + 30 }),
      (policy) => ({ ...policy, podSelector: `${policy.podSelector ?? ''},app`.replace(/^,/, '') }),
      (policy) => ({ ...policy, namespaces: { ...policy.namespaces, c: 'wait' } }),
      (policy) => ({ ...policy, namespaces: { ...policy.namespaces, c: 'hold' } }),
      (policy) => ({ ...policy, namespaces: { ...policy.namespaces, c: 'skip' } }),
    );
    fc.assert(
      fc.property(questions, stricter, (question, make) => {
        const lax = evictable(question);
        const strictly = evictable({ ...question, policy: make(question.policy) });
        expect([...strictly].filter((one) => !lax.has(one))).toEqual([]);
      }),
    );
  });

  const known = new Set(
    (
      'mirror daemonset terminating finished managed allowed-by-policy' +
      ' pod-unmanaged pod-emptydir daemonset-missing'
    ).split(' '),
  );

  it('without the newer choices and annotations there are no newer reasons', () => {
    fc.assert(
      fc.property(questions, (question) => {
        const { emptyDirData, unmanagedPods } = question.policy;
        const plain = { emptyDirData, unmanagedPods };
        const unsaid = question.pods.map(({ drainAnnotation: _unsaid, ...rest }) => rest);
        const now = podVerdicts({ ...question, pods: unsaid, policy: plain });
        const newer = now.flatMap(({ reasons }) => reasons.filter((one) => !known.has(one)));
        expect(newer).toEqual([]);
      }),
    );
  });
});

it('the DaemonSet of a pod is told by its namespace and its controller', () => {
  expect(daemonSetOf(aPod(ofDaemonSet))).toEqual({ namespace: 'shop', name: 'logs' });
  expect(daemonSetOf(aPod())).toBeUndefined();
});
