import type { DeprecatedUse, RejectingLevel } from '../../../domain/deprecated-apis';
import type { MemberName } from '../../../domain/names';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { flowControlFindings } from '../../../domain/preflight/preflight-flow-control';
import { aCluster, version } from '../../support/builders';

const level: RejectingLevel = {
  level: 'workload-low',
  rejected: 120,
  waiting: 3,
  used: 24,
  limit: 24,
};
const member = 'cp-1' as MemberName;
const of = (use: DeprecatedUse) => flowControlFindings({ deprecatedUse: [{ member, use }] });
const rejecting = (rejected: number, upSeconds?: number): DeprecatedUse => ({
  kind: 'observed',
  items: [],
  rejecting: [{ ...level, rejected }],
  ...(upSeconds === undefined ? {} : { upSeconds }),
});

it('warns of requests that are turned away all the time', () => {
  expect(of(rejecting(120, 7_200))).toEqual([
    {
      code: 'api-requests-rejected',
      severity: 'warns',
      object: { kind: 'member', name: 'cp-1' },
      message:
        'its API server has turned away 120 requests of priority level workload-low' +
        ' since it started, about 60 an hour; now 24 of its 24 seats are taken, 3 wait',
      remedy:
        'see who asks so much (apiserver_flowcontrol_rejected_requests_total, by flow schema),' +
        ' or give the level more shares',
      about: 'workload-low',
      evidence: { level: 'workload-low' },
      figures: { rejected: 120, waiting: 3, used: 24, limit: 24 },
    },
  ]);
});

it.each([
  ['some, now and then', rejecting(119, 7_200), 'about 60 an hour;'],
  ['one', rejecting(1, 7_200), '1 request of'],
  ['some in its first minutes', rejecting(59, 120), 'about 59 an hour;'],
  ['many, since nobody knows when', rejecting(9_999), 'since it started; now'],
])('notes %s', (_what, use, said) => {
  const [finding, ...others] = of(use);
  expect([finding?.severity, others]).toEqual(['notes', []]);
  expect(finding?.message).toContain(said);
});

it('finds nothing where none was turned away, or nobody could look', () => {
  const problem = { code: 'forbidden', message: 'no' } as const;
  expect(of({ kind: 'observed', items: [], upSeconds: 60 })).toEqual([]);
  expect(of({ kind: 'unobserved', problem })).toEqual([]);
  expect(flowControlFindings({})).toEqual([]);
});

it('is part of a preflight', () => {
  const deprecatedUse = [{ member, use: rejecting(1) }];
  const observation = aCluster().with({ deprecatedUse }).observation();
  const hop = { from: version('1.28.15'), to: version('1.29.15') };
  expect(evaluatePreflight({ observation, hop }).findings.map(({ code }) => code)).toEqual([
    'api-requests-rejected',
  ]);
});
