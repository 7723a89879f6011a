import { blockerLines } from '../../../cli/render/blocker-groups';
import { withStandingBlockers } from '../../../cli/render/progress-events';
import { nowMs } from '../support/fake-terminal';
import { upgrading } from '../support/fixtures';
import { behindBudget } from '../../support/drain-blockers';

it('blockerLines show four reasons and count the rest', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const blockers = names.map((name) => behindBudget(`${name}-1`, name, nowMs));

  const lines = blockerLines(blockers, { nowMs, width: 1_000, indent: '  ' });

  expect(lines).toHaveLength(5);
  expect(lines.at(-1)).toBe('  and 2 more pods for other reasons');
});

it('withStandingBlockers leaves out what has only just come up', () => {
  const [node] = upgrading.nodes;
  if (node === undefined) throw new Error('no node');
  const old = behindBudget('old-1', 'old', nowMs - 5_000);
  const young = behindBudget('young-1', 'young', nowMs - 4_999);

  const { nodes } = withStandingBlockers(
    { ...upgrading, nodes: [{ ...node, blockers: [old, young] }] },
    nowMs,
  );

  expect(nodes.map(({ blockers }) => blockers)).toEqual([[old]]);
});
