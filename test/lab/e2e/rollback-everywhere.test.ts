// A hop of a real cluster is rolled back from every step of its plan, one after the other.

import { RollbackWalk, type Walk, whole } from '../../support/rollback-walk';
import { LabGround } from '../../support/lab-ground';
import { aStory } from '../../support/lab-story';

jest.setTimeout(1_200_000);

const walks = [
  {
    name: 'three members from 1.28',
    shape: { name: 'back-of-three', members: 3, nodes: 2, pods: 0, version: '1.28.15' },
    way: { hop: 'hop-1.29', from: '1.28.15', to: '1.29.15', beyond: '1.30.14' },
  },
  {
    name: 'three members from 1.29',
    shape: { name: 'back-of-three-again', members: 3, nodes: 2, pods: 0, version: '1.29.15' },
    way: { hop: 'hop-1.30', from: '1.29.15', to: '1.30.14' },
  },
  {
    name: 'a single member from 1.28',
    shape: { name: 'back-of-one', members: 1, nodes: 2, pods: 0, version: '1.28.15' },
    way: { hop: 'hop-1.29', from: '1.28.15', to: '1.29.15', beyond: '1.30.14' },
  },
  {
    name: 'a single member from 1.29',
    shape: { name: 'back-of-one-again', members: 1, nodes: 2, pods: 0, version: '1.29.15' },
    way: { hop: 'hop-1.30', from: '1.29.15', to: '1.30.14' },
  },
];

describe.each(walks)('$name', ({ shape, way }) => {
  let ground: LabGround;
  let walk: Walk;
  let walked: RollbackWalk;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open(shape);
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
    expect(steps.length).toBeGreaterThan(shape.members + 3);
    for (const step of steps) expect(await walked.backFrom(step)).toEqual(whole(walk, step));
  });

  tell('takes the hop all the same, afterwards', async () => {
    expect(await walked.forward()).toMatchObject({ outcome: 'completed', to: way.to });
  });
});
