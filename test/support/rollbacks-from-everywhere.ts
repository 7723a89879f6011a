// A hop of a real cluster is rolled back from every step of its plan, one after the other.

import { LabGround } from './lab-ground';
import { aStory } from './lab-story';
import { RollbackWalk, type Walk, whole } from './rollback-walk';

/** By the minor that the cluster has before. */
const ways = {
  '1.28': { hop: 'hop-1.29', from: '1.28.15', to: '1.29.15', beyond: '1.30.14' },
  '1.29': { hop: 'hop-1.30', from: '1.29.15', to: '1.30.14' },
} as const;

/** Tests of the rollbacks of one hop, in a lab of its own. */
export function describeRollbacksFromEverywhere(members: number, minor: keyof typeof ways): void {
  describe(`a hop from ${minor} with control-plane members: ${members}`, () => {
    const way = ways[minor];
    let ground: LabGround;
    let walk: Walk;
    let walked: RollbackWalk;
    const tell = aStory(() => ground.diagnosis());

    beforeAll(async () => {
      const name = `back-of-${members}`;
      ground = await LabGround.open({ name, members, nodes: 2, pods: 0, version: way.from });
      await ground.bringUpLab();
      await ground.startWorker();
      walk = { ground, ...way };
      await ground.kube.spread('web', 6);
      walked = await RollbackWalk.begin(walk);
    });

    afterAll(async () => {
      await walked?.end();
      await ground?.close();
    });

    tell('is what it was after a rollback from each step', async () => {
      const steps = await walked.steps();
      expect(steps.length).toBeGreaterThan(members + 3);
      for (const step of steps) expect(await walked.backFrom(step)).toEqual(whole(walk, step));
    });

    tell('takes the hop all the same, afterwards', async () => {
      expect(await walked.forward()).toMatchObject({ outcome: 'completed', to: way.to });
    });
  });
}
