import { isOverdue, terminatingBlocker } from '../../../domain/drain/stuck-terminating';

const ref = { namespace: 'shop', name: 'web-0' };
const graceOverMs = 1_000_000;

/** Its 30 s of grace are over at `graceOverMs`. */
const pod = {
  ref,
  phase: 'Running',
  finalizers: [],
  deletionTimestampMs: graceOverMs,
  deletionGracePeriodSeconds: 30,
};
const late = { nowMs: graceOverMs + 2_001, node: { ready: true } };
const facts = {
  code: 'pod-terminating',
  pod: ref,
  finalizers: [],
  gracePeriodSeconds: 30,
  sinceMs: graceOverMs,
};
const held = { ...pod, finalizers: ['a/b'] };

describe('a terminating pod', () => {
  it('that is within a short grace period is nothing to tell', () => {
    expect(terminatingBlocker(pod, { ...late, nowMs: graceOverMs - 1 })).toBeUndefined();
    const oneMinute = { ...pod, deletionGracePeriodSeconds: 60 };
    expect(terminatingBlocker(oneMinute, { ...late, nowMs: graceOverMs - 1 })).toBeUndefined();
  });

  it('is told of at a deadline also within a short grace period', () => {
    const told = { ...late, nowMs: graceOverMs - 1, tellsAll: true };
    expect(terminatingBlocker(pod, told)).toEqual({
      ...facts,
      cause: 'grace',
      untilMs: graceOverMs,
      sinceMs: graceOverMs - 30_000,
    });
  });

  it('counts as overdue when clocks that differ a little cannot explain it', () => {
    expect(isOverdue(pod, graceOverMs + 2_000)).toBe(false);
    expect(isOverdue(pod, graceOverMs + 2_001)).toBe(true);
    expect(isOverdue({ ref, phase: 'Running', finalizers: [] }, graceOverMs)).toBe(false);
  });

  it('with a long grace period is told while that runs, and until when', () => {
    const slow = { ...pod, deletionGracePeriodSeconds: 600 };
    expect(terminatingBlocker(slow, { ...late, nowMs: graceOverMs + 2_000 })).toEqual({
      ...facts,
      gracePeriodSeconds: 600,
      cause: 'grace',
      untilMs: graceOverMs,
      sinceMs: graceOverMs - 600_000,
    });
    expect(terminatingBlocker(slow, late)).toEqual({
      ...facts,
      gracePeriodSeconds: 600,
      cause: 'unconfirmed',
    });
  });

  it.each([
    ['unconfirmed where its node is Ready', pod, true, 'unconfirmed'],
    ['unconfirmed where nobody knows its node', pod, undefined, 'unconfirmed'],
    ['kept by its node that is not Ready', pod, false, 'node-not-ready'],
    ['kept by its finalizers', held, true, 'finalizer'],
    ['kept by its node before its finalizers', held, false, 'node-not-ready'],
    ['kept by its finalizers when it is done', { ...held, phase: 'Succeeded' }, false, 'finalizer'],
    ['kept by its finalizers when it failed', { ...held, phase: 'Failed' }, false, 'finalizer'],
    [
      'kept by its finalizers when the kubelet has confirmed its end',
      { ...held, deletionGracePeriodSeconds: 0 },
      false,
      'finalizer',
    ],
  ] as const)('is %s', (_what, one, nodeReady, cause) => {
    const node = nodeReady === undefined ? undefined : { ready: nodeReady };
    expect(terminatingBlocker(one, { ...late, node })).toEqual({
      ...facts,
      finalizers: one.finalizers,
      gracePeriodSeconds: one.deletionGracePeriodSeconds,
      cause,
    });
  });

  it.each([
    ['volume', { phase: 'Succeeded', claims: ['data'] }, ['csi/vol-1']],
    ['unconfirmed', { phase: 'Succeeded', claims: ['data'] }, undefined],
    ['unconfirmed', { phase: 'Failed' }, ['csi/vol-1']],
    ['unconfirmed', { phase: 'Running', claims: ['data'] }, ['csi/vol-1']],
    ['finalizer', { phase: 'Failed', claims: ['data'], finalizers: ['a/b'] }, ['csi/vol-1']],
  ] as const)('is kept by %s when it is %j and its node uses %j', (cause, over, volumesInUse) => {
    const node = { ready: true, ...(volumesInUse === undefined ? {} : { volumesInUse }) };
    expect(terminatingBlocker({ ...pod, ...over }, { ...late, node })).toMatchObject({ cause });
  });

  it('is not one before its deletion was asked for', () => {
    expect(terminatingBlocker({ ref, phase: 'Running', finalizers: [] }, late)).toBeUndefined();
  });

  it('whose grace period is not told has none', () => {
    const { deletionGracePeriodSeconds: _none, ...bare } = pod;
    expect(terminatingBlocker(bare, late)).toEqual({
      ...facts,
      gracePeriodSeconds: 0,
      cause: 'unconfirmed',
    });
  });
});
