import { currentHopSteps } from '../../../cli/render/steps';
import type { UpgradeProgress } from '../../../domain/status/progress';
import { plan, upgrading } from '../support/fixtures';

/** `✔` done, `●` now, `○` later. */
function rows(step: string, stepSeconds: Readonly<Record<string, number>> = {}): readonly string[] {
  const { hop } = upgrading.status;
  if (hop === undefined) throw new Error('no hop');
  const progress: UpgradeProgress = {
    ...upgrading,
    status: { ...upgrading.status, hop: { ...hop, step } },
    stepSeconds,
  };
  const marks = { done: '✔', now: '●', later: '○' };
  return currentHopSteps(progress, plan.hops[0]).map((row) => `${marks[row.state]} ${row.label}`);
}

describe('currentHopSteps', () => {
  it('has what is done, what runs, and from the plan what comes', () => {
    expect(rows('controllers cp-2', { preflight: 1, snapshot: 2, 'api-server cp-1': 3 })).toEqual([
      '✔ preflight',
      '✔ snapshot',
      '✔ api-server cp-1',
      '● controllers cp-2',
      '○ pool web',
      '○ verify',
      '○ soak',
    ]);
  });

  it('does not call a step done that is tried again', () => {
    expect(rows('verify', { verify: 4 })).toEqual(['● verify', '○ soak']);
  });

  it('has nothing of the plan behind the steps of a rollback', () => {
    expect(rows('rollback restore', { 'rollback look': 1 })).toEqual([
      '✔ rollback look',
      '● rollback restore',
    ]);
  });

  it('has all of the plan before the first step', () => {
    expect(rows('')).toHaveLength(plan.hops[0]?.steps.length ?? 0);
  });
});
