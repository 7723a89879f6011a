import type { CollectedEvidence } from '../../domain/simulation/evidence';
import { runCli } from '../../cli/program';
import { FakeCluster } from '../support/fake-cluster';
import { asking, budget, evidence, node, pod } from '../domain/simulation/support';
import { FakeTerminal } from './support/fake-terminal';

const access = JSON.stringify({
  apiVersion: 'ascent/access/v1',
  cluster: 'lab',
  driver: { kind: 'lab', socket: 'supervisor.sock' },
});

const roomy = evidence({
  nodes: [node('a'), node('b'), node('cp', { labels: { 'node-role.kubernetes.io/master': '' } })],
  pods: [pod('web-1', 'a'), pod('web-2', 'b')],
  budgets: [budget('web')],
});
const full = evidence({
  nodes: [node('a'), node('b')],
  pods: [
    pod('web-1', 'a', { shape: asking(3_000) }),
    pod('db-1', 'b', { shape: asking(3_000) }),
    pod('top-1', 'b', { shape: { ...asking(500), priority: 5 } }),
  ],
  budgets: [budget('web', { disruptionsAllowed: 0, desiredHealthy: 2 })],
});

async function simulated(
  seen: CollectedEvidence['evidence'],
  args: readonly string[] = [],
  unread: CollectedEvidence['unread'] = [],
) {
  const terminal = new FakeTerminal({
    files: { 'access.json': access },
    cluster: () => ({
      ...new FakeCluster().ports,
      simulation: { collect: () => Promise.resolve({ evidence: seen, unread }) },
      close: () => Promise.resolve(),
    }),
  });
  const argv = ['simulate', '--access', 'access.json', ...args];
  const code = await runCli(argv, terminal.context);
  return { code, out: terminal.stdout, error: terminal.stderr };
}

describe('simulate', () => {
  it('says that all is well, and ends with 0', async () => {
    const { code, out } = await simulated(roomy);
    expect(out).toContain('2 of 2 nodes would drain now, each by itself');
    expect(out).toContain(
      'pool workers, 1 node at a time: in 2 of 2 windows everything finds room',
    );
    expect(code).toBe(0);
  });

  it('says what stops a node and what finds no room, and ends with 4', async () => {
    const unread = [{ what: 'services', problem: 'no right to list them' }];
    const { code, out } = await simulated(full, [], unread);
    expect(out).toContain('blocked  a');
    expect(out).toContain('shop/web-1: budget web lets none of its pods leave, ever');
    expect(out).toContain('short  without a');
    expect(out).toContain('shop/web-1: 1 node(s) were unschedulable, 1 Insufficient cpu');
    expect(out).toContain('→ add room: cpu: 3000 m requested, 500 m free at most');
    expect(out).toContain('not known: services (no right to list them)');
    expect(code).toBe(4);
  });

  it('takes named nodes together, and what they will be replaced by', async () => {
    const args = ['--node', 'a', '--replaced-by', 'cpu=2,memory=8Gi', '-o', 'json'];
    const { code, out } = await simulated(roomy, args);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'ascent.simulation-result/v1',
      kind: 'clear',
      nodes: [{ node: 'a', kind: 'drains' }],
      pools: [{ pool: 'workers', atOnce: 1, windows: 1, short: [] }],
      unread: [],
    });
    expect(code).toBe(0);
  });

  it.each([
    { args: ['--node', 'nowhere'], told: 'the cluster has no node nowhere', ends: 6 },
    { args: ['--at-once', '0'], told: '--at-once is "0"', ends: 2 },
    { args: ['--windows', 'all'], told: '--windows is "all"', ends: 2 },
    { args: ['--replaced-by', 'much'], told: '--replaced-by is "much"', ends: 2 },
  ])('refuses $args', async ({ args, told, ends }) => {
    const { code, error } = await simulated(roomy, args);
    expect(error).toContain(told);
    expect(code).toBe(ends);
  });
});
