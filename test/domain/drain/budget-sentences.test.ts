import { blockerSentence } from '../../../domain/blocker-sentences';
import type { BudgetExplanation, UnhealthyPod } from '../../../domain/drain/budget-explanation';

const explanation: BudgetExplanation = {
  healthy: 2,
  wanted: 2,
  expected: 3,
  missing: 1,
  pods: [],
  more: 0,
  absent: 0,
};

function said(over: Partial<BudgetExplanation>, nowMs?: number): string {
  const sentence = blockerSentence(
    {
      code: 'budget-exhausted',
      pod: { namespace: 'shop', name: 'web-0' },
      budget: { namespace: 'shop', name: 'web' },
      message: 'needs 2 healthy pods and has 2 currently',
      sinceMs: 0,
      explanation: { ...explanation, ...over },
    },
    nowMs,
  );
  return sentence;
}

const web7 = {
  pod: { namespace: 'shop', name: 'web-7' },
  node: 'worker-2',
  owner: { kind: 'ReplicaSet', name: 'web-5d' },
  sinceMs: 0,
};

describe('a budget that is explained', () => {
  it('says what it has and wants, which pod it waits for, for how long and why', () => {
    const trouble = {
      code: 'container-waiting',
      container: 'app',
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "web:2"',
    } as const;
    const pods = [{ ...web7, trouble }];
    expect(said({ pods }, 180_000)).toBe(
      'pod shop/web-0 has not left for 3 min: budget shop/web allows no eviction now: 2 of 3 pods' +
        ' are healthy, 2 must be; web-7 (ReplicaSet web-5d, on worker-2) is not Ready for 3 min' +
        ' (container app waits: ImagePullBackOff: Back-off pulling image "web:2") - it goes on by' +
        ' itself when 1 more of its pods is Ready; else mend those that are not, add replicas or' +
        ' relax it',
    );
    expect(said({ pods })).toContain('; web-7 (ReplicaSet web-5d, on worker-2) is not Ready (');
  });

  it('counts the pods that it does not name, and those that are not there', () => {
    expect(said({ healthy: 1, missing: 2, more: 2, absent: 2 })).toBe(
      'pod shop/web-0 has not left: budget shop/web allows no eviction now: 1 of 3 pods is' +
        ' healthy, 2 must be; 2 more are not healthy; 2 do not exist yet - it goes on by itself' +
        ' when 2 more of its pods are Ready; else mend those that are not, add replicas or relax' +
        ' it',
    );
    expect(said({ more: 1, absent: 1 })).toContain('; 1 more is not healthy; 1 does not exist yet');
  });

  it('that never allows one says so, and what to change', () => {
    expect(said({ healthy: 3, wanted: 3, neverBy: 'maxUnavailable 0' })).toBe(
      'pod shop/web-0 has not left: budget shop/web wants 3 of 3 pods healthy (maxUnavailable 0),' +
        ' so it lets none leave while there are no more - add a replica, or let the budget spare' +
        ' at least one pod',
    );
  });

  it.each<{ trouble: UnhealthyPod['trouble']; text: string }>([
    {
      trouble: { code: 'unscheduled', reason: 'Unschedulable', message: '0/3 nodes are available' },
      text: 'web-7 is not scheduled for 3 s (Unschedulable: 0/3 nodes are available)',
    },
    {
      trouble: { code: 'unscheduled', reason: 'SchedulingGated' },
      text: 'web-7 is not scheduled for 3 s (SchedulingGated)',
    },
    {
      trouble: { code: 'container-waiting', container: 'app', reason: 'ContainerCreating' },
      text: 'web-7 is not Ready for 3 s (container app waits: ContainerCreating)',
    },
    {
      trouble: { code: 'container-ended', container: 'app', reason: 'OOMKilled', exitCode: 137 },
      text: 'web-7 is not Ready for 3 s (container app ended: OOMKilled, exit code 137)',
    },
    {
      trouble: { code: 'not-ready', reason: 'ContainersNotReady', message: 'unready: [app]' },
      text: 'web-7 is not Ready for 3 s (ContainersNotReady: unready: [app])',
    },
    { trouble: { code: 'not-ready' }, text: 'web-7 is not Ready for 3 s' },
    { trouble: { code: 'terminating', finalizers: [] }, text: 'web-7 is terminating for 3 s' },
    {
      trouble: { code: 'terminating', finalizers: ['a/b', 'c'] },
      text: 'web-7 is terminating for 3 s (held by finalizers: a/b, c)',
    },
  ])('says: $text', ({ trouble, text }) => {
    const pods = [{ pod: web7.pod, sinceMs: 0, trouble }];
    expect(said({ pods }, 3_000)).toContain(`; ${text} - it goes on`);
  });

  it('says of a pod without a time that it is not Ready, and where it is', () => {
    const pods: UnhealthyPod[] = [
      { pod: web7.pod, node: 'worker-2', trouble: { code: 'not-ready' } },
    ];
    expect(said({ pods }, 3_000)).toContain('; web-7 (on worker-2) is not Ready - it goes on');
  });
});
