import { progressEvents } from '../../../cli/render/progress-events';
import type { UpgradeProgress } from '../../../domain/status/progress';
import {
  completed,
  faster,
  nodeHeld,
  paused,
  rolledBack,
  setAside,
  upgrading,
  waitingForApproval,
} from '../support/fixtures';

const view = { program: 'ascent' };

/** What is said while these moments follow one another. */
function told(...moments: readonly UpgradeProgress[]): readonly string[] {
  return moments.flatMap((moment, index) => progressEvents(moments[index - 1], moment, view));
}

describe('progressEvents', () => {
  it('begin with where the upgrade stands', () => {
    expect(told(upgrading)).toEqual([
      'upgrading',
      'preflight done in 3 s',
      'snapshot done in 12 s',
      'api-server cp-1 done in 41 s',
      'api-server cp-2 done in 39 s',
      'api-server cp-3 done in 40 s',
      'controllers cp-2 done in 9 s',
      'controllers cp-3 done in 8 s',
      'controllers cp-1 done in 9 s',
      'hop-1.29 is hop 1 of 2',
      'hop-1.29: pool web',
      'web-1 upgraded, 1.28.15 → 1.29.15, in 1 min 2 s, 10 pods evicted',
      'web-2 draining',
      expect.stringMatching(/^web-2 waits: pod default\/web-7f9 has not left: /),
      'web-3 upgrading',
    ]);
  });

  it('say nothing when nothing has happened', () => {
    expect(told(upgrading, upgrading).length).toBe(told(upgrading).length);
  });

  it('tell a limit that was changed, and that it is as planned again', () => {
    expect(progressEvents(upgrading, faster, view)).toEqual([
      'pool web: at most 3 nodes at once (75%), planned 2;' +
        ' changed by ada@workstation (quiet at night)',
    ]);
    expect(progressEvents(faster, faster, view)).toEqual([]);
    const asPlanned = { ...upgrading, nodes: faster.nodes };
    expect(progressEvents(faster, asPlanned, view)).toEqual([
      'pool web: maxUnavailable is as planned again',
    ]);
    expect(progressEvents(faster, completed, view)).not.toContain(
      'pool web: maxUnavailable is as planned again',
    );
  });

  it('tell once that a node is set aside, and why', () => {
    const told = progressEvents(faster, setAside, view);
    expect(told).toEqual([
      expect.stringMatching(
        /^web-4 is set aside until the others are done: node web-4 was not empty after 30 min: /,
      ),
    ]);
    expect(progressEvents(setAside, setAside, view)).toEqual([]);
  });

  it('tell a pause, who asked for it and why', () => {
    expect(progressEvents(upgrading, paused, view)).toEqual([
      'paused by ada@workstation: release day',
      'web-2 paused',
      'web-3 paused',
    ]);
  });

  it('tell a held node with the ways to answer', () => {
    expect(progressEvents(upgrading, nodeHeld, view)).toEqual([
      'needs-operator',
      'web-2 held',
      expect.stringMatching(/^node web-2 of pool web is held: /),
      '  ascent retry-node prod web-2',
      '  ascent skip-node prod web-2',
      '  ascent quarantine-node prod web-2',
      '  ascent rollback prod hop-1.29',
    ]);
  });

  it('tell once what no worker takes, and again when something else is not taken', () => {
    const untaken = (node: string) =>
      ({
        activity: 'drainNode',
        workflowId: `upgrade/prod/hop-1.29/web/${node}`,
        code: 'not-taken',
        sinceMs: 1,
      }) as const;
    const one = { ...upgrading, unsettled: [untaken('web-2')] };
    const two = { ...upgrading, unsettled: [untaken('web-2'), untaken('web-3')] };
    const advice = 'see that a worker runs that serves cluster/prod';
    expect(progressEvents(upgrading, one, view)).toEqual([
      `no worker has taken drainNode of upgrade/prod/hop-1.29/web/web-2 - ${advice}`,
    ]);
    expect(progressEvents(one, one, view)).toEqual([]);
    expect(progressEvents(one, two, view)).toEqual([
      `no worker has taken drainNode of upgrade/prod/hop-1.29/web/web-3 - ${advice}`,
    ]);
    expect(progressEvents(two, upgrading, view)).toEqual([]);
  });

  it('tell a gate once, again when it has opened anew, and that it is settled', () => {
    const opened = progressEvents(upgrading, waitingForApproval, view);
    expect(opened).toContainEqual(expect.stringMatching(/^hop-1.30 waits for an approval/));
    expect(progressEvents(waitingForApproval, waitingForApproval, view)).toEqual([]);

    const { status } = waitingForApproval;
    const anew = {
      ...waitingForApproval,
      status: { ...status, gates: status.gates.map((gate) => ({ ...gate, sinceMs: 1 })) },
    };
    expect(progressEvents(waitingForApproval, anew, view)).toContainEqual(
      expect.stringMatching(/^hop-1.30 waits for an approval/),
    );

    expect(progressEvents(waitingForApproval, upgrading, view)).toContain(
      'approve/hop-1.30 is settled',
    );
  });

  it('tell the end of a hop and of the upgrade', () => {
    expect(progressEvents(waitingForApproval, completed, view)).toEqual([
      'hop-1.30 completed, 1.29.15 → 1.30.14, in 1 h 25 min, 2 nodes, 20 pods evicted',
      'approve/hop-1.30 is settled',
      'prod was upgraded from 1.28.15 to 1.30.14 in 2 hops',
    ]);
  });

  it('tell once more the end of a hop that had ended and is rolled back, with its account', () => {
    const told = progressEvents(waitingForApproval, rolledBack, view);
    expect(told).toEqual([
      'hop-1.29 rolled-back, 1.28.15 → 1.29.15, in 1 h 25 min, 2 nodes, 20 pods evicted',
      'hop-1.29: workloads in the snapshot: deployments 4, pods 60;' +
        ' differing now: pods in shop 19 instead of 20',
      expect.stringMatching(
        /^hop-1.29: nodes that joined after the snapshot, not in it \(1\): web-9/,
      ),
      expect.stringMatching(
        /^hop-1.29: PersistentVolumes made after the snapshot, not in it \(2\): /,
      ),
      'hop-1.29: not all was counted after the restore, the limit of seconds was reached',
      'approve/hop-1.30 is settled',
      expect.stringMatching(/^prod was rolled back to 1.28.15/),
    ]);
    expect(progressEvents(rolledBack, rolledBack, view)).toEqual([]);
  });
});
