// A real API server that ends as soon as it is started in the new version: the member gets its old
// one again, and all of them serve.

import { LabGround } from '../../support/lab-ground';
import { untilGate } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';

jest.setTimeout(300_000);

const before = '1.28.15';
const target = '1.29.15';
const limitMs = 30_000;

describe('a member that does not come back', () => {
  const plain = labSpec({ cluster: 'put-back', target });
  const spec = { ...plain, controlPlane: { ...plain.controlPlane, memberTimeoutMs: limitMs } };
  let ground: LabGround;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: spec.cluster, members: 3, nodes: 1, pods: 0 });
    await ground.bringUpLab();
    await ground.lab.control.fault({
      kind: 'broken-start',
      member: 'cp-2',
      component: 'api-server',
      version: target,
      seconds: 600,
    });
    await ground.startWorker();
  });

  afterAll(async () => {
    await ground?.close();
  });

  const apiServers = async (): Promise<readonly string[]> => {
    const { members } = await ground.observe();
    return members.map(({ name, apiServer }) =>
      apiServer.kind === 'observed'
        ? `${name} ${apiServer.version}${apiServer.ready ? '' : ' not ready'}`
        : `${name} silent`,
    );
  };

  tell('is put back at once, and the path stops with the reason', async () => {
    const started = await ground.client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    const gate = await untilGate(ground);

    expect(gate).toMatchObject({
      kind: 'step',
      step: 'api-server cp-2',
      failure: {
        code: 'member-put-back',
        message: expect.stringMatching(
          /^kube-apiserver of cp-2 runs 1\.28\.15 again, it did not come up: .*ECONNREFUSED/,
        ),
      },
    });
    expect(await apiServers()).toEqual([`cp-1 ${target}`, `cp-2 ${before}`, `cp-3 ${before}`]);
    const { servingMembers } = await ground.lab.control.progress();
    expect([...servingMembers].toSorted()).toEqual(['cp-1', 'cp-2', 'cp-3']);
  });
});
