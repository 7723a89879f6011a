import {
  daemonSetOf,
  daemonSetsToLookUp,
  drainVerdict,
  drainVerdicts,
  refusalBlockers,
  type DrainPod,
  type DrainVerdict,
} from '../../domain/drain-verdicts';
import type { DrainPolicy } from '../../domain/spec';

type Policy = Pick<DrainPolicy, 'emptyDirData' | 'unmanagedPods'>;

const strict: Policy = { emptyDirData: 'refuse', unmanagedPods: 'refuse' };
const lenient: Policy = { emptyDirData: 'delete', unmanagedPods: 'evict' };

function aPod(over: Partial<DrainPod> = {}): DrainPod {
  return {
    ref: { namespace: 'shop', name: 'web-1' },
    phase: 'Running',
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

const ofDaemonSet = { controller: { kind: 'DaemonSet', name: 'logs' } };

describe('drainVerdict', () => {
  const evicts = (reason: Extract<DrainVerdict, { kind: 'evict' }>['reason']): DrainVerdict => ({
    kind: 'evict',
    reason,
  });
  const refuses = (
    ...reasons: Extract<DrainVerdict, { kind: 'refuse' }>['reasons']
  ): DrainVerdict => ({ kind: 'refuse', reasons });
  const skips = (reason: 'mirror' | 'daemonset'): DrainVerdict => ({ kind: 'skip', reason });
  const waits: DrainVerdict = { kind: 'wait', reason: 'terminating' };

  it.each<[string, DrainPod, { policy?: Policy; daemonSetExists?: boolean }, DrainVerdict]>([
    ['evicts a pod of a controller', aPod(), {}, evicts('managed')],
    [
      'evicts a pod whose controller is of an unknown kind',
      aPod({ controller: { kind: 'Whatever', name: 'x' } }),
      {},
      evicts('managed'),
    ],
    ['skips a mirror pod', aPod({ isMirror: true }), {}, skips('mirror')],
    [
      'skips a mirror pod that has an emptyDir and is terminating',
      aPod({ isMirror: true, hasEmptyDir: true, deletionTimestampMs: 1 }),
      {},
      skips('mirror'),
    ],
    ['skips a DaemonSet pod', aPod(ofDaemonSet), { daemonSetExists: true }, skips('daemonset')],
    [
      'skips a finished and a terminating DaemonSet pod alike',
      aPod({ ...ofDaemonSet, phase: 'Failed', deletionTimestampMs: 1 }),
      { daemonSetExists: true },
      skips('daemonset'),
    ],
    [
      'refuses a DaemonSet pod whose DaemonSet is gone',
      aPod(ofDaemonSet),
      {},
      refuses('daemonset-missing'),
    ],
    [
      'evicts such a pod when unmanaged pods may leave',
      aPod(ofDaemonSet),
      { policy: lenient },
      evicts('allowed-by-policy'),
    ],
    [
      'evicts such a pod when it is finished',
      aPod({ ...ofDaemonSet, phase: 'Succeeded' }),
      {},
      evicts('finished'),
    ],
    ['waits for a terminating pod', aPod({ deletionTimestampMs: 5 }), {}, waits],
    [
      'waits for a terminating pod that the policy would refuse',
      unmanaged({ hasEmptyDir: true, deletionTimestampMs: 5 }),
      {},
      waits,
    ],
    [
      'evicts a finished pod whatever it holds',
      unmanaged({ phase: 'Succeeded', hasEmptyDir: true }),
      {},
      evicts('finished'),
    ],
    ['evicts a failed pod', unmanaged({ phase: 'Failed' }), {}, evicts('finished')],
    ['refuses a pod with emptyDir', aPod({ hasEmptyDir: true }), {}, refuses('pod-emptydir')],
    [
      'evicts a pod with emptyDir when its data may go',
      aPod({ hasEmptyDir: true }),
      { policy: lenient },
      evicts('allowed-by-policy'),
    ],
    ['refuses an unmanaged pod', unmanaged(), {}, refuses('pod-unmanaged')],
    [
      'evicts an unmanaged pod when it may leave',
      unmanaged(),
      { policy: lenient },
      evicts('allowed-by-policy'),
    ],
    [
      'tells both reasons of an unmanaged pod with emptyDir',
      unmanaged({ hasEmptyDir: true }),
      {},
      refuses('pod-unmanaged', 'pod-emptydir'),
    ],
    [
      'does not let one permission stand for the other',
      unmanaged({ hasEmptyDir: true }),
      { policy: { emptyDirData: 'delete', unmanagedPods: 'refuse' } },
      refuses('pod-unmanaged'),
    ],
  ])('%s', (_name, pod, given, expected) => {
    expect(
      drainVerdict({
        pod,
        policy: given.policy ?? strict,
        daemonSetExists: given.daemonSetExists ?? false,
      }),
    ).toEqual(expected);
  });
});

describe('drainVerdicts', () => {
  const named = (name: string, pod: DrainPod): DrainPod => ({
    ...pod,
    ref: { namespace: 'shop', name },
  });
  const web = named('web', aPod());
  const leaving = named('leaving', aPod({ deletionTimestampMs: 1 }));
  const mirror = named('mirror', aPod({ isMirror: true }));
  const logs = named('logs', aPod(ofDaemonSet));
  const orphan = named('orphan', aPod({ controller: { kind: 'DaemonSet', name: 'gone' } }));
  const scratch = named('scratch', unmanaged({ hasEmptyDir: true }));

  it('sorts the pods of a node', () => {
    expect(
      drainVerdicts({
        pods: [web, leaving, mirror, logs, orphan, scratch],
        policy: strict,
        missingDaemonSets: [{ namespace: 'shop', name: 'gone' }],
      }),
    ).toEqual({
      evict: [web],
      wait: [leaving],
      skip: [mirror, logs],
      refuse: [
        { pod: orphan, reasons: ['daemonset-missing'] },
        { pod: scratch, reasons: ['pod-unmanaged', 'pod-emptydir'] },
      ],
    });
  });

  it('does not take a DaemonSet of another namespace for the missing one', () => {
    expect(
      drainVerdicts({
        pods: [orphan],
        policy: strict,
        missingDaemonSets: [{ namespace: 'other', name: 'gone' }],
      }),
    ).toEqual({ evict: [], wait: [], skip: [orphan], refuse: [] });
  });

  it('asks for each DaemonSet once, and for none of a mirror pod', () => {
    const again = named('logs-2', aPod(ofDaemonSet));
    const mirrored = named('static', aPod({ ...ofDaemonSet, isMirror: true }));
    expect(daemonSetsToLookUp([logs, again, web, mirrored])).toEqual([
      { namespace: 'shop', name: 'logs' },
    ]);
  });

  it('explains each refusal as a blocker', () => {
    expect(
      refusalBlockers(
        [
          { pod: orphan, reasons: ['daemonset-missing'] },
          { pod: scratch, reasons: ['pod-unmanaged', 'pod-emptydir'] },
        ],
        7,
      ),
    ).toEqual([
      { code: 'daemonset-missing', pod: orphan.ref, daemonSet: 'gone', sinceMs: 7 },
      { code: 'pod-unmanaged', pod: scratch.ref, sinceMs: 7 },
      { code: 'pod-emptydir', pod: scratch.ref, sinceMs: 7 },
    ]);
  });
});

it('the DaemonSet of a pod is told by its namespace and its controller', () => {
  expect(daemonSetOf(aPod(ofDaemonSet))).toEqual({ namespace: 'shop', name: 'logs' });
  expect(daemonSetOf(aPod())).toBeUndefined();
});

it('a refusal whose pod has lost its controller meanwhile names no DaemonSet', () => {
  const refusal = { pod: unmanaged(), reasons: ['daemonset-missing'] } as const;
  expect(refusalBlockers([refusal], 7)).toEqual([
    { code: 'daemonset-missing', pod: refusal.pod.ref, daemonSet: '', sinceMs: 7 },
  ]);
});
