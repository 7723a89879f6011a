import { countInterruptions, countPods } from '../../../bin/demo/figures';
import type { CountedJob, CountedPod } from '../../../bin/demo/figures';

const is = (type: string) => ({ type, status: 'True' });

function pod(uid: string, phase: 'Running' | 'Succeeded', job?: string): CountedPod {
  return {
    metadata: {
      uid,
      namespace: 'shop',
      ownerReferences: [
        job === undefined ? { kind: 'ReplicaSet', uid: 'rs' } : { kind: 'Job', uid: job },
      ],
    },
    status: { phase, conditions: phase === 'Running' ? [is('Ready')] : [] },
  };
}

const job = (uid: string, condition: string): CountedJob => ({
  metadata: { uid },
  status: { conditions: [is(condition)] },
});

describe('countPods', () => {
  it('tells which pods are gone because their Job is complete', () => {
    const before = [
      pod('web-1', 'Running'),
      pod('export-1', 'Succeeded', 'export'),
      // It finished after it was counted, and was evicted then.
      pod('export-2', 'Running', 'export'),
      pod('export-3', 'Succeeded', 'export'),
      pod('import-1', 'Running', 'import'),
    ];
    const after = [pod('web-2', 'Running'), pod('export-3', 'Succeeded', 'export')];

    expect(
      countPods(before, after, [job('export', 'Complete'), job('import', 'Suspended')]),
    ).toEqual({ before: 5, after: 2, notReady: 0, finished: 1, ofCompleteJobsGone: 2 });
  });

  it('counts what is not Ready, but not what has finished', () => {
    const starting: CountedPod = { metadata: { uid: 'web-3', namespace: 'shop' } };
    const after = [pod('web-1', 'Running'), pod('once', 'Succeeded'), starting];

    expect(countPods(after, after, [])).toEqual({
      before: 3,
      after: 3,
      notReady: 1,
      finished: 1,
      ofCompleteJobsGone: 0,
    });
  });
});

describe('countInterruptions', () => {
  it('counts what makes a node do its work again, not what was refused or only answered', () => {
    const trail = [
      'upgrade.asked',
      'command.pause',
      'command.resume',
      'command.approve',
      'command.refused',
      'command.retryNode',
    ].map((event) => ({ atMs: 0, actor: 'ada', event, text: event }));

    expect(countInterruptions(trail)).toBe(2);
  });
});
