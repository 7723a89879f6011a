// What people read of pools that are replaced as wholes, and of restores: what others say.

import { renderProgress } from '../../../cli/render/progress';
import { renderPlan } from '../../../cli/render/plan';
import { plainStyle } from '../../../cli/render/style';
import { nowMs } from '../support/fake-terminal';
import { moments } from '../support/fixtures';
import { aCluster, aPlan, aSpec, minor, nodeName, poolName, version } from '../../support/builders';

it('the plan says who replaces the machines, and lists no drains of its own', () => {
  const seen = aCluster().withMembers(3, '1.29.15').withNodes(2).observation();
  const deployment = {
    name: 'workers-md-0',
    pool: poolName('workers'),
    version: version('1.28.15'),
    replicas: 2,
    maxUnavailable: 0,
    nodes: ['worker-1', 'worker-2'].map(nodeName),
    holds: [],
  };
  const observation = { ...seen, machineDeployments: [deployment] };
  const lines = renderPlan(aPlan(aSpec({ target: minor('1.29') }), observation), plainStyle);

  expect(lines.slice(4)).toEqual([
    '   1  preflight        looks for what would stop the hop',
    '   2  snapshot         lab-hop-1.29-from-1.29.15, restored and compared',
    '   3  rollout workers  2 machines 1.28.15 → 1.29.15, replaced by MachineDeployment' +
      ' workers-md-0; asks a person after 40 min in which nothing went on',
    '   4  verify           every member and node, seen directly',
    '   5  soak             30 s, the cluster is checked meanwhile',
    '',
    'In all: 2 machines replaced, 1 snapshot, 0 API server changes, 30 s of soaking.',
    'Nothing in it waits for a person.',
  ]);
});

it('machines that get images are told below their step', () => {
  const moment = moments['held by a node'];
  const { hop } = moment?.status ?? {};
  if (moment === undefined || hop === undefined) throw new Error('no such moment');
  const status = { ...moment.status, hop: { ...hop, step: 'images' } };
  const images = '1 of 3 machines; worker-1: pulling registry.k8s.io/pause:3.9';
  const view = { nowMs, width: 200, program: 'ascent', style: plainStyle };

  const before = renderProgress({ ...moment, status }, view);
  const lines = renderProgress({ ...moment, status, images }, view);
  expect(lines.filter((line) => !before.includes(line))).toEqual([`        ${images}`]);
});

it('the plan says who replaces members, and that nothing leads back', () => {
  const seen = aCluster().withMembers(3).withNodes(2).observation();
  const controlPlaneObject = {
    object: 'KubeadmControlPlane prod-cp',
    version: version('1.28.15'),
    replicas: 3,
    nodes: [],
    holds: [],
  };
  const observation = { ...seen, changedAs: 'member', controlPlaneObject } as const;
  const spec = aSpec({ target: minor('1.29'), approvals: 'none' });
  const lines = renderPlan(aPlan(spec, observation), plainStyle);

  expect(lines[3]).toContain('waits for an approval: approve/hop-1.29');
  expect(lines.find((line) => line.includes('replaced by'))?.trim()).toBe(
    '3  members       3 machines 1.28.15 → 1.29.15, replaced by KubeadmControlPlane prod-cp; asks' +
      ' a person after 5 min in which nothing went on; from here on no way back',
  );
  expect(lines).toContainEqual(expect.stringContaining('3 machines replaced'));
});

it('a rollout says below its step whom it waits for', () => {
  const moment = moments['held by a node'];
  const { hop } = moment?.status ?? {};
  if (moment === undefined || hop === undefined) throw new Error('no such moment');
  const status = { ...moment.status, hop: { ...hop, step: 'rollout web' } };
  const phase = '1 of 3 machines; machine web-2 (node web-2) is Deleting: 2 pods are leaving';
  const rollout = { phase, updated: 1, replicas: 3 };
  const view = { nowMs, width: 200, program: 'ascent', style: plainStyle };

  const before = renderProgress({ ...moment, status }, view);
  const lines = renderProgress({ ...moment, status, rollout }, view);
  expect(lines.filter((line) => !before.includes(line))).toEqual([`        ${phase}`]);
});

it('a restore says below its step how far it is, and what a person can run', () => {
  const moment = moments['held by a node'];
  const { hop } = moment?.status ?? {};
  if (moment === undefined || hop === undefined) throw new Error('no such moment');
  const status = { ...moment.status, hop: { ...hop, step: 'rollback restore' } };
  const restoring = 'run there as root: sh /var/lib/ascent/way-back/restore one';
  const view = { nowMs, width: 200, program: 'ascent', style: plainStyle };

  const before = renderProgress({ ...moment, status }, view);
  const lines = renderProgress({ ...moment, status, restoring }, view);
  expect(lines.filter((line) => !before.includes(line))).toEqual([`        ${restoring}`]);
});
