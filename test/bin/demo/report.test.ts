import { demoReport, reportLines } from '../../../bin/demo/report';
import type { ReportInput } from '../../../bin/demo/report';
import type { HopOutcome } from '../../../domain/status/progress';
import { aCluster, hopId, nodeName, version } from '../../support/builders';

const snapshot = {
  id: 'lab-hop-1.29-from-1.28.15-1a2b3c4d' as never,
  hop: hopId('hop-1.29'),
  kubeVersion: version('1.28.15'),
  etcdVersion: '3.5.21',
  location: 'snapshots/lab',
  sha256: 'ab'.repeat(32),
  sizeBytes: 2_500_000,
  revision: 812,
  totalKeys: 640,
  takenAt: '2026-11-21T10:00:00.000Z',
  verified: { by: 'restore' as const, hashKv: '77', keys: 640, seconds: 2 },
};

const hop: HopOutcome = {
  hop: hopId('hop-1.29'),
  from: version('1.28.15'),
  to: version('1.29.15'),
  outcome: 'completed',
  snapshot,
  members: [],
  nodes: [
    {
      node: nodeName('worker-1'),
      outcome: 'upgraded',
      before: version('1.28.15'),
      after: version('1.29.15'),
      evicted: 7,
      refusals: 1,
      seconds: 6,
    },
  ],
  stepSeconds: { preflight: 1, snapshot: 3 },
  startedAtMs: 0,
  endedAtMs: 60_000,
};

const { snapshot: verified, ...hopWithoutSnapshot } = hop;

function input(overrides: Partial<ReportInput> = {}): ReportInput {
  return {
    target: version('1.29.15'),
    before: aCluster().withMembers(1, '1.28.15').withNodes(1, '1.28.15').observation(),
    after: aCluster().withMembers(1, '1.29.15').withNodes(1, '1.29.15').observation(),
    pods: { before: 14, after: 12, notReady: 0, finished: 0, ofCompleteJobsGone: 2 },
    result: {
      outcome: 'completed',
      from: version('1.28.15'),
      to: version('1.29.15'),
      hops: [hop],
    },
    observer: {
      requests: 400,
      failedRequests: 0,
      failures: [],
      p50Ms: 3,
      p99Ms: 40,
      budgets: 2,
      podEvents: 90,
      violations: [],
      gaps: 1,
      unjudged: [],
    },
    timings: { labUp: 12, temporalUp: 4, upgrade: 61, total: 80 },
    eventsPerNodeWorkflow: 41,
    interruptions: 0,
    workerPeakRssMb: 210,
    ...overrides,
  };
}

describe('demoReport', () => {
  it('is ok and tells every figure when all of it is true on the cluster', () => {
    const report = demoReport(input());
    const { members, nodes, ...rest } = report;
    expect([members.length, nodes.length]).toEqual([1, 1]);
    for (const change of [...members, ...nodes]) {
      expect(change).toEqual({ name: change.name, before: '1.28.15', after: '1.29.15' });
    }
    expect(rest).toEqual({
      schema: 'ascent.demo-report/v1',
      ok: true,
      problems: [],
      from: '1.28.15',
      to: '1.29.15',
      pods: 12,
      podCount: { before: 14, after: 12, notReady: 0, finished: 0, ofCompleteJobsGone: 2 },
      evictions: 7,
      budgetViolations: 0,
      requests: 400,
      failedRequests: 0,
      durationsSeconds: {
        labUp: 12,
        temporalUp: 4,
        upgrade: 61,
        total: 80,
        'hop-1.29/preflight': 1,
        'hop-1.29/snapshot': 3,
      },
      snapshots: [verified],
      eventsPerNodeWorkflow: 41,
      interruptions: 0,
      workerPeakRssMb: 210,
      observer: input().observer,
    });
    const lines = reportLines(report);
    expect(lines[0]).toBe('OK: 1.28.15 → 1.29.15 in 61.0 s');
    expect(lines).toContain(
      'pods               12 Ready, 0 not Ready ' +
        '(14 before; 2 of complete Jobs gone, which nobody makes again)',
    );
  });

  const { observer, before } = input();
  it.each<[string, Partial<ReportInput>, readonly string[]]>([
    ['a request failed', { observer: { ...observer, failedRequests: 2 } }, ['2 requests failed']],
    [
      'a budget was violated',
      {
        observer: {
          ...observer,
          violations: [{ at: 'now', budget: 'web/web', healthy: 2, required: 3 }],
        },
      },
      ['budget web/web: 2 healthy of 3'],
    ],
    [
      'a budget could not be judged',
      {
        observer: {
          ...observer,
          unjudged: [{ at: 'now', budget: 'web/web', healthy: 2, required: 3 }],
        },
      },
      ['budget web/web: in a gap of the watch only 2 of 3 were surely healthy'],
    ],
    [
      'the observer was blind',
      { observer: { ...observer, requests: 0, podEvents: 0 } },
      ['the observer sent no request', 'the observer saw no pod event'],
    ],
    [
      'a pod is not Ready',
      { pods: { before: 12, after: 12, notReady: 1, finished: 0, ofCompleteJobsGone: 0 } },
      ['1 pods are not Ready'],
    ],
    [
      'a node workflow wrote too much history',
      { eventsPerNodeWorkflow: 61 },
      ['a node workflow wrote 61 events; 60 are the limit'],
    ],
    [
      'it wrote more than a pause explains',
      { eventsPerNodeWorkflow: 91, interruptions: 1 },
      ['a node workflow wrote 91 events; 90 are the limit'],
    ],
    [
      'nothing changed on the cluster, whatever the workflow says',
      { after: before },
      [
        'kube-apiserver of cp-1: 1.28.15',
        'kube-controller-manager of cp-1: 1.28.15',
        'kube-scheduler of cp-1: 1.28.15',
        'node worker-1 runs 1.28.15',
      ],
    ],
    [
      'a hop had no snapshot',
      {
        result: {
          outcome: 'completed',
          from: version('1.28.15'),
          to: version('1.29.15'),
          hops: [hopWithoutSnapshot],
        },
      },
      ['hop-1.29 has no verified snapshot'],
    ],
    [
      'the upgrade was rejected, which is all that there is to say',
      {
        after: before,
        result: {
          outcome: 'rejected',
          at: version('1.28.15'),
          by: 'eve',
          reason: 'Friday',
          hops: [],
        },
      },
      ['the upgrade was rejected at 1.28.15 by eve: Friday'],
    ],
    [
      'the upgrade was cancelled, and the control plane is not where that says',
      {
        result: {
          outcome: 'cancelled',
          at: version('1.28.15'),
          by: 'eve',
          reason: 'Friday',
          hops: [],
        },
      },
      [
        'the upgrade was cancelled at 1.28.15 by eve: Friday',
        'kube-apiserver of cp-1: 1.29.15',
        'kube-controller-manager of cp-1: 1.29.15',
        'kube-scheduler of cp-1: 1.29.15',
      ],
    ],
    [
      'a hop was rolled back',
      {
        after: before,
        result: {
          outcome: 'rolled-back',
          at: version('1.28.15'),
          hop: hopId('hop-1.29'),
          seconds: 9,
          hops: [],
        },
      },
      ['hop-1.29 was rolled back: the cluster is at 1.28.15'],
    ],
    [
      'nothing was begun',
      {
        after: before,
        result: {
          outcome: 'blocked',
          refusal: { code: 'worker-missing', taskQueue: 'cluster/lab', waitedSeconds: 30 },
        },
      },
      [expect.stringMatching(/^the upgrade was refused: ./) as string],
    ],
  ])('is not ok when %s', (_, overrides, problems) => {
    const report = demoReport(input(overrides));
    expect({ ok: report.ok, problems: report.problems }).toEqual({ ok: false, problems });
  });
});
