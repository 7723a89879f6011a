// What the plan, and people who read it, know of machines that start again.

import { renderPlan } from '../../../cli/render/plan';
import { plainStyle } from '../../../cli/render/style';
import { isOfPool } from '../../../domain/plan/plan';
import type { RebootPolicy } from '../../../domain/spec';
import { aCluster, aPlan, aPool, aSpec, minor } from '../../support/builders';

const seen = aCluster().withMembers(3).withNodes(2).observation();
const observation = { ...seen, drives: ['node', 'apiServer', 'controllers', 'restore', 'reboot'] };

it.each([
  ['always', '; machines start again, within 10 min'],
  ['when-required', '; machines that ask for it start again, within 10 min'],
] as const)('the plan has them start again: %s', (when, text) => {
  const reboot: RebootPolicy = { when, timeoutMs: 600_000 };
  const spec = aSpec({ target: minor('1.29'), pools: [aPool({ reboot })] });
  const plan = aPlan(spec, observation as typeof seen);
  const steps = plan.hops.flatMap((hop) => hop.steps);
  expect(steps.filter(isOfPool)).toMatchObject([{ pool: 'workers', reboot }]);
  const told = renderPlan(plan, plainStyle).find((line) => line.includes('pool workers'));
  expect(told?.endsWith(`, alone${text}`)).toBe(true);
});
