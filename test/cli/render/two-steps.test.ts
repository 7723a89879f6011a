// What people read of a hop in two steps.

import { planDocument } from '../../../cli/documents';
import { renderPlan } from '../../../cli/render/plan';
import { rollBackReportLines } from '../../../cli/render/rollback-report';
import { currentHopSteps } from '../../../cli/render/steps';
import { plainStyle } from '../../../cli/render/style';
import type { UpgradeProgress } from '../../../domain/status/progress';
import { aCluster, aPlan, aSpec, minor } from '../../support/builders';
import { undoneReport } from '../support/rollback-fixtures';

const plain = aSpec({ target: minor('1.32') });
const emulation = [{ hop: minor('1.32'), soakMs: 86_400_000 }];
const spec = { ...plain, controlPlane: { ...plain.controlPlane, emulation } };
const seen = aCluster().withMembers(2, '1.31.14').withNodes(1, '1.31.14').observation();
const plan = aPlan(spec, seen);

it('the plan says what serves as what, and until when no restore is needed', () => {
  expect(renderPlan(plan, plainStyle).slice(6, 10)).toEqual([
    '   3  api-servers     cp-1, cp-2 serving as 1.31; one at a time, at most 5 min each',
    '   4  controllers     cp-1, cp-2; one at a time, the leader last',
    '   5  emulation-soak  1 d, the cluster is checked meanwhile;' +
      ' until then back without a restore',
    '   6  end-emulation   cp-1, cp-2 serve as 1.32, no longer as 1.31; one at a time',
  ]);
});

it('the switch counts among the changes of API servers', () => {
  const total = renderPlan(plan, plainStyle).find((line) => line.startsWith('In all: '));
  expect(total).toMatch(/, 4 API server changes, /);
});

it('the steps of the switch go before those that come later', () => {
  const [hop] = plan.hops;
  const at = (step: string): UpgradeProgress =>
    ({
      status: { hop: { id: hop?.id, step } },
      stepSeconds: { 'emulation-soak': 9 },
    }) as unknown as UpgradeProgress;
  for (const step of ['end-emulation cp-1', 'end-emulation-controllers cp-2']) {
    expect(currentHopSteps(at(step), hop).map(({ label }) => label)).toEqual([
      'emulation-soak',
      step,
      'pool workers',
      'verify',
      'soak',
    ]);
  }
});

it('the preview of a rollback says that nothing is lost', () => {
  const kept = { rung: 'leave-emulation', tooLittle: [], keepsData: true } as const;
  const lines = rollBackReportLines(
    { ...undoneReport, cheapest: kept },
    { style: plainStyle, width: 200 },
  );

  expect(lines[1]).toMatch(/^not to snapshot /);
  expect(lines[3]).toBe(
    'nothing that was written is lost: the new programs serve as the minor before, so that the' +
      ' old ones go on with the same data',
  );
  expect(lines).toContain('expected: the API serves all through');
});

it('of a single member, plan and preview say how long the API is away', () => {
  const { controlPlane } = spec;
  const alone = { ...spec, controlPlane: { ...controlPlane, allowSingleMember: true } };
  const one = aCluster().withMembers(1, '1.31.14').withNodes(1, '1.31.14').observation();
  expect(renderPlan(aPlan(alone, one), plainStyle)[9]).toBe(
    '   6  end-emulation   cp-1 serves as 1.32, no longer as 1.31;' +
      ' the API is away for about 30 s, at most 5 min',
  );

  const kept = { rung: 'leave-emulation', tooLittle: [], keepsData: true } as const;
  const expected = { restore: 0, restoreFrom: 'keys', onlyMember: 30 } as const;
  expect(
    rollBackReportLines(
      { ...undoneReport, cheapest: kept, expected },
      { style: plainStyle, width: 200 },
    ),
  ).toContain('expected: about 30 s without an API, while its only member changes');
});

it('a hop that cannot be done so is named as a release', () => {
  const blocker = { code: 'emulation-unusable', hop: minor('1.31'), why: 'not-on-path' } as const;
  expect(planDocument({ kind: 'blocked', blockers: [blocker] })).toMatchObject({
    blockers: [{ object: { kind: 'release', name: '1.31' } }],
  });
});
