// What people read of members that are changed as wholes.

import { renderPlan } from '../../../cli/render/plan';
import { plainStyle } from '../../../cli/render/style';
import { aCluster, aPlan, aSpec, minor } from '../../support/builders';

it('the plan tells them in one line, and counts what it takes away', () => {
  const spec = aSpec({ target: minor('1.29') });
  const seen = aCluster().withMembers(3).withNodes(1).observation();
  const lines = renderPlan(aPlan(spec, { ...seen, changedAs: 'member' }), plainStyle);

  expect(lines[6]).toBe('   3  members       cp-1, cp-2, cp-3; one at a time, at most 5 min each');
  expect(lines.find((line) => line.startsWith('In all: '))).toMatch(/, 3 API server changes, /);
});
