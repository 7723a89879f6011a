import { ApplicationFailure, CancelledFailure } from '@temporalio/common';

import { toActivityFailure } from '../../activities/failure-mapping';
import { PortError } from '../../activities/ports';
import type { AscentActivities } from '../../domain/activity-contract';
import { nodeName, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const alive = new AbortController().signal;
const scope = {
  doing: 'upgrading node worker-1',
  code: 'node-upgrade-failed',
  notFoundCode: 'node-missing',
} as const;

describe('a failure of a port', () => {
  it.each([
    ['unreachable', 'cluster-unreachable', false],
    ['timeout', 'cluster-unreachable', false],
    ['unauthorized', 'credentials-refused', true],
    ['forbidden', 'credentials-refused', true],
    ['conflict', 'node-upgrade-failed', false],
    ['unexpected', 'node-upgrade-failed', false],
    ['rejected', 'node-upgrade-failed', true],
    ['not-found', 'node-missing', true],
  ] as const)('of code %s becomes %s, non-retryable: %s', (code, type, nonRetryable) => {
    const error = new PortError(code, 'reading it: no');
    const failure = toActivityFailure({ error, scope, signal: alive });
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({
      type,
      nonRetryable,
      message: 'upgrading node worker-1: reading it: no',
      details: [{ reason: code }],
      cause: error,
    });
  });

  it('is tried again when the server said, if it is tried again at all', () => {
    const wait = { retryAfterSeconds: 7 };
    const throttled = new PortError('unreachable', 'too many requests', wait);
    expect(toActivityFailure({ error: throttled, scope, signal: alive })).toMatchObject({
      nextRetryDelay: 7_000,
      details: [{ reason: 'unreachable', retryAfterSeconds: 7 }],
    });
    const refused = new PortError('forbidden', 'no', wait);
    const failure = toActivityFailure({ error: refused, scope, signal: alive });
    expect((failure as ApplicationFailure).nextRetryDelay).toBeUndefined();
  });

  it('takes the code of the activity for a missing object when it names no other', () => {
    const error = new PortError('not-found', 'gone');
    const failure = toActivityFailure({
      error,
      scope: { doing: 'x', code: 'restore-failed' },
      signal: alive,
    });
    expect(failure).toMatchObject({ type: 'restore-failed', nonRetryable: true });
  });
});

describe('a failure of anything else', () => {
  it('that was decided already is kept as it is', () => {
    const error = ApplicationFailure.nonRetryable('no', 'drain-deadline');
    expect(toActivityFailure({ error, scope, signal: AbortSignal.abort() })).toBe(error);
  });

  it.each([new TypeError('x is undefined'), 'x is undefined'])('is retryable: %s', (error) => {
    const failure = toActivityFailure({ error, scope, signal: alive });
    expect(failure).toMatchObject({
      type: 'unexpected',
      message: 'upgrading node worker-1: x is undefined',
    });
    expect((failure as ApplicationFailure).nonRetryable).not.toBe(true);
  });
});

describe('cancellation', () => {
  it.each([
    ['the cancellation itself', new CancelledFailure('CANCELLED'), alive],
    ['a request that was aborted', new PortError('unreachable', 'aborted'), AbortSignal.abort()],
    ['the abort of another library', new Error('AbortError'), AbortSignal.abort()],
  ])('is no failure: %s', (_name, error, signal) => {
    const failure = toActivityFailure({ error, scope, signal, progress: { phase: 'x' } });
    expect(failure).toBeInstanceOf(CancelledFailure);
    expect(failure).toMatchObject({
      message: 'upgrading node worker-1: cancelled',
      details: [{ phase: 'x' }],
    });
  });
});

describe('every activity', () => {
  const asked = { cluster: 'other' as typeof cluster };
  const at = version('1.28.15');
  const hop = { id: 'hop-1.29', from: at, to: at };
  const names: readonly (keyof AscentActivities)[] = [
    'observeCluster',
    'preflight',
    'takeSnapshot',
    'findLeaders',
    'upgradeControlPlaneMember',
    'cordonNode',
    'uncordonNode',
    'drainNode',
    'upgradeNode',
    'verifyNode',
    'verifyCluster',
    'restoreSnapshot',
  ];

  it.each(names)('%s refuses to touch another cluster', async (name) => {
    const fake = new FakeCluster();
    const input = { ...asked, node: nodeName('worker-1'), hop } as never;
    expect(await failureOf(runOnce(fake, name, input))).toMatchObject({
      type: 'wrong-cluster',
      nonRetryable: true,
      details: [{ serves: 'lab', asked: 'other' }],
    });
    expect([fake.kube.mutations, fake.hosts.driven]).toEqual([[], []]);
  });
});

/** A promise that the test settles. */
function aGate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('heartbeats', () => {
  const input = {
    cluster,
    node: nodeName('worker-1'),
    from: version('1.28.15'),
    to: version('1.29.15'),
  };

  function aSlowUpgrade(): { readonly fake: FakeCluster; readonly finish: () => void } {
    const fake = new FakeCluster();
    fake.setControlPlane('1.29.15');
    fake.kube.addNode('worker-1', { unschedulable: true });
    const { promise, resolve } = aGate();
    fake.hosts.duringDrive = () => promise;
    return { fake, finish: resolve };
  }

  it('are repeated while a port is slow', async () => {
    const { fake, finish } = aSlowUpgrade();
    const attempt = new FakeAttempt({ heartbeatTimeoutMs: 1_000 });
    attempt.onHeartbeat = () => {
      const stopping = attempt.heartbeats.filter(
        (beat) => (beat as { phase: string }).phase === 'stopping',
      );
      if (stopping.length === 3) finish();
    };
    expect(await attempt.run(fake, 'upgradeNode', input)).toMatchObject({ changed: true });
  });

  it('repeat the resume point of the attempt before until there is one of its own', async () => {
    const fake = new FakeCluster();
    const { promise, resolve } = aGate();
    const resumePoint = { phase: 'x' };
    const slow = new FakeAttempt({ heartbeatTimeoutMs: 1_000, heartbeatDetails: resumePoint });
    fake.kube.addNode('worker-1');
    const getNode = fake.kube.getNode.bind(fake.kube);
    fake.kube.getNode = async (name, signal) => {
      await promise;
      return getNode(name, signal);
    };
    slow.onHeartbeat = () => resolve();
    await slow.run(fake, 'cordonNode', { cluster, node: input.node, reason: 'r' });
    expect(slow.heartbeats[0]).toEqual(resumePoint);
  });

  it('are not sent by an activity that has no heartbeat timeout', async () => {
    const { fake, finish } = aSlowUpgrade();
    finish();
    const attempt = new FakeAttempt({ heartbeatTimeoutMs: 0 });
    await attempt.run(fake, 'upgradeNode', input);
    expect(attempt.heartbeats).toEqual([]);
  });
});
