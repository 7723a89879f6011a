// Ids and labels are a contract: people type them, alert on them and find workflows by them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { clusterTaskQueue, workflowTaskQueue } from '../../domain/activity-contract';
import { answersOf, approvalGateId, nodeGateId, stepGateId } from '../../domain/status/gates';
import { allSearchAttributes } from '../../domain/search-attributes';
import { controllersLabel, stepLabel } from '../../domain/status/step-labels';
import {
  hopWorkflowId,
  maxChunkNodes,
  nameOfRun,
  nodeWorkflowId,
  poolWorkflowId,
  rollBackWorkflowId,
  upgradeWorkflowId,
} from '../../domain/workflow-ids';
import {
  aCluster,
  aPlan,
  aSpec,
  clusterName,
  hopId,
  memberName,
  nodeName,
  poolName,
} from '../support/builders';

it('gates are named after what they are about', () => {
  const hop = hopId('hop-1.30');
  expect([
    approvalGateId(hop),
    stepGateId(hop, 'api-server cp-1'),
    nodeGateId(nodeName('worker-3')),
  ]).toEqual(['approve/hop-1.30', 'hop-1.30/api-server cp-1', 'node/worker-3']);
});

it('a pool workflow holds fewer nodes where each is chosen when its turn comes', () => {
  const window = { zones: 'any', order: 'as-listed' } as const;
  expect([maxChunkNodes({}), maxChunkNodes({ window })]).toEqual([250, 200]);
});

it.each([
  { kind: 'approval', answers: ['approve', 'reject'] },
  { kind: 'step', answers: ['approve', 'reject', 'rollBack'] },
  { kind: 'node', answers: ['retryNode', 'skipNode', 'quarantineNode', 'rollBack'] },
] as const)('a gate of kind $kind is answered with $answers', ({ kind, answers }) => {
  expect(answersOf({ kind })).toEqual(answers);
});

it('steps are labelled in the order of the plan', () => {
  const [hop] = aPlan(aSpec(), aCluster().withMembers(2).withNodes(1).observation()).hops;
  expect(hop?.steps.map(stepLabel)).toEqual([
    'preflight',
    'snapshot',
    'api-server cp-1',
    'api-server cp-2',
    'controllers',
    'pool workers',
    'verify',
    'soak',
  ]);
  expect(controllersLabel(memberName('cp-1'))).toBe('controllers cp-1');
});

it('workflows and task queues are named after clusters, hops, pools and nodes', () => {
  const [cluster, hop] = [clusterName('lab'), hopId('hop-1.29')];
  const hopWorkflow = hopWorkflowId(cluster, hop);
  const pool = poolWorkflowId(hopWorkflow, poolName('web'), 0);
  expect([
    upgradeWorkflowId(cluster),
    hopWorkflow,
    pool,
    poolWorkflowId(hopWorkflow, poolName('web'), 1),
    nodeWorkflowId(pool, nodeName('worker-3')),
    rollBackWorkflowId(cluster, hop),
    workflowTaskQueue,
    clusterTaskQueue(cluster),
  ]).toEqual([
    'upgrade/lab',
    'upgrade/lab/hop-1.29',
    'upgrade/lab/hop-1.29/web',
    'upgrade/lab/hop-1.29/web/2',
    'upgrade/lab/hop-1.29/web/worker-3',
    'upgrade/lab/hop-1.29/rollback',
    'ascent',
    'cluster/lab',
  ]);
});

it('search attributes are called as operators filter by them, and as docs/operate.md says', () => {
  expect(allSearchAttributes).toEqual([
    'AscentCluster',
    'AscentFrom',
    'AscentTo',
    'AscentPhase',
    'AscentWaitingFor',
  ]);
  const manual = readFileSync(join(__dirname, '..', '..', 'docs', 'operate.md'), 'utf8');
  expect(allSearchAttributes.filter((name) => !manual.includes(`\`${name}\``))).toEqual([]);
});

it('upgrades that begin in the same minute share no name', () => {
  // UUID version 7: the first twelve digits are the time.
  const first = '01a20012-3f04-7b52-9d1e-5b1d6a0e93f4';
  const second = '01a20012-9c41-7d03-8a77-c04417f2be19';

  expect(nameOfRun('hop-1.29', first)).toBe('hop-1.29-5b1d6a0e93f4');
  expect(nameOfRun('hop-1.29', second)).toBe('hop-1.29-c04417f2be19');
});
