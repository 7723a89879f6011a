// A real cluster whose versions are changed by programs only: a hop from plan to soak, through a
// worker that is stopped while a program for a node is under way.

import { openCluster } from '../../../activities/adapters/open-cluster';
import { readAccessFile } from '../../../activities/adapters/access-file';
import { observeCluster } from '../../../activities/observe';
import type { WorkerProcess } from '../../../bin/demo/worker-process';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import { identify } from '../../../lab/process-identity';
import { askedOf, commandAccess, holdNode, letGo, untilHeld } from '../../support/lab-command';
import { LabGround } from '../../support/lab-ground';
import { untilEnded } from '../../support/lab-progress';
import { sightOf, wholeAt } from '../../support/lab-sight';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';

jest.setTimeout(300_000);

const target = '1.29.15';

describe('a cluster whose driver is a command', () => {
  const spec = labSpec({ cluster: 'commands', target, allowSingleMember: true });
  let ground: LabGround;
  let worker: WorkerProcess;
  let accessFile: string;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    // So that what is under way is given up at once when the worker is stopped.
    process.env['ASCENT_SHUTDOWN_GRACE_MS'] = '1000';
    ground = await LabGround.open({ name: spec.cluster, members: 1, nodes: 2, pods: 0 });
    await ground.bringUpLab();
    accessFile = await commandAccess(ground, 'commands.json', [
      'node',
      'apiServer',
      'controllers',
      'restore',
    ]);
    await ground.kube.spread('web', 2);
  });

  afterAll(async () => {
    await ground?.close();
  });

  tell('has no plan without the commands that it takes', async () => {
    const file = await commandAccess(ground, 'half.json', ['node', 'apiServer', 'controllers']);
    const read = await readAccessFile(file);
    if (read.kind === 'refused') throw new Error(read.problems.join('; '));
    const ports = openCluster(read.access);
    const signal = AbortSignal.timeout(60_000);
    const seen = await observeCluster({ cluster: spec.cluster, ports, signal });
    await ports.close();

    expect(planUpgrade({ spec, observation: seen, releases: knownReleases })).toEqual({
      kind: 'blocked',
      blockers: [{ code: 'change-undriven', hop: 'hop-1.29', change: 'restore' }],
    });
  });

  tell('a worker that stops ends the program that is under way, with its child', async () => {
    await holdNode(ground, 'worker-01');
    worker = await ground.startWorker({ accessFile });
    const started = await ground.client.start(spec, { actor: 'ada' });
    expect(started).toMatchObject({ kind: 'started' });
    const pids = await untilHeld(ground);
    expect(pids.map((pid) => identify(pid) !== undefined)).toEqual([true, true]);

    await worker.stop();

    expect(pids.map(identify)).toEqual([undefined, undefined]);
  });

  tell('the next worker runs it again, as the same operation, and the hop is done', async () => {
    await letGo(ground);
    await ground.startWorker({ accessFile });

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });
    expect(await sightOf(ground)).toEqual(wholeAt(target, ground));
    const asked = await askedOf(ground);
    expect(asked.map((one) => ('node' in one ? `${one.step} ${one.node}` : one.step))).toEqual([
      'apiServer',
      'controllers',
      'node worker-01',
      'node worker-01',
      'node worker-02',
    ]);
    const ids = asked.map((one) => ('operationId' in one ? one.operationId : undefined));
    expect(ids[3]).toBe(ids[2]);
    expect(new Set(ids).size).toBe(4);
    expect(asked[2]).toEqual({
      apiVersion: 'ascent/command/v1',
      cluster: 'commands',
      step: 'node',
      node: 'worker-01',
      component: 'kubelet',
      from: '1.28.15',
      to: target,
      operationId: expect.stringMatching(/^op-/) as string,
    });
  });
});
