// etcd from 3.5 to 3.6 in a step of its own, on three real members under load: the leader last, a
// member that does not come up put back to 3.5, nothing lost that was acknowledged; then the hop is
// rolled back, and etcd with it.

import { labLayout } from '../../../lab/layout';
import { resolveToolchain } from '../../../lab/toolchain/resolve';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilGate, untilProgress } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { type LabWriter, startWriter } from '../../support/lab-writer';

// Both etcds are built first where they are not there yet.
jest.setTimeout(600_000);

const [before, after] = ['3.5.35', '3.6.16'];
const limitMs = 40_000;
const asked = { actor: 'ada', reason: 'end to end' };

describe('etcd of three members goes from 3.5 to 3.6', () => {
  const spec = labSpec({
    cluster: 'etcd-minor',
    target: '1.29.15',
    hopSoakMs: 600_000,
    memberTimeoutMs: limitMs,
    etcd: [{ hop: '1.29', version: after }],
  });
  let ground: LabGround;
  let writer: LabWriter | undefined;
  let leaderBefore: string;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    const tools = ['etcd', 'etcdutl'];
    await resolveToolchain(
      [before, after].flatMap((version) => tools.map((tool) => ({ tool, version }))),
    );
    const shape = { name: spec.cluster, members: 3, nodes: 1, pods: 0 };
    ground = await LabGround.open({ ...shape, etcdVersion: before });
    await ground.bringUpLab();
    await ground.startWorker();
    writer = await startWriter(labLayout(ground.stateDir), ground.lab.apiUrl);
  });

  afterAll(async () => {
    writer?.close();
    await ground?.close();
  });

  /** `cp-1 3.5.35 of 3.5`, the leader marked. */
  const etcd = async (): Promise<readonly string[]> => {
    const { etcd: seen } = await ground.observe();
    if (seen.kind === 'unobserved') return [seen.problem.message];
    const agree = seen.hashesAgree ? [] : ['hashes differ'];
    const members = seen.members
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .map(({ name, version, clusterVersion = '' }) => `${name} ${version} of ${clusterVersion}`);
    return [...members, ...agree];
  };

  const leader = async (): Promise<string> => {
    const { etcd: seen } = await ground.observe();
    const found =
      seen.kind === 'observed' ? seen.members.find(({ isLeader }) => isLeader) : undefined;
    return found?.name ?? '';
  };

  tell('a member that does not come up in 3.6 is put back to 3.5', async () => {
    leaderBefore = await leader();
    const [first, second = ''] = ['cp-1', 'cp-2', 'cp-3'].filter((name) => name !== leaderBefore);
    await ground.lab.control.fault({
      kind: 'broken-start',
      member: second,
      component: 'etcd',
      version: after,
      seconds: 600,
    });
    const started = await ground.client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    const planDigest = started.plan.digest;
    expect(started.plan.hops[0]?.steps.map(({ kind }) => kind)).toEqual([
      'preflight',
      'snapshot',
      'api-server',
      'api-server',
      'api-server',
      'controllers',
      'etcd',
      'pool',
      'verify',
      'soak',
    ]);
    const gate = await untilGate(ground);

    expect(gate).toMatchObject({
      kind: 'step',
      step: `etcd ${second}`,
      failure: {
        code: 'member-put-back',
        message: expect.stringMatching(`^etcd of ${second} runs ${before} again`),
      },
    });
    expect(await etcd()).toEqual(
      ['cp-1', 'cp-2', 'cp-3'].map((name) => `${name} ${name === first ? after : before} of 3.5.0`),
    );
    await ground.lab.control.fault({
      kind: 'broken-start',
      member: second,
      component: 'etcd',
      version: after,
      seconds: 0.001,
    });
    await ground.client.approve(ground.cluster, { ...asked, gate: gate.id, planDigest });
  });

  tell('the leader goes last, and nothing that was acknowledged is lost', async () => {
    const order = await untilProgress(ground, 'the hop soaks', ({ status, stepSeconds = {} }) =>
      status.phase === 'soaking' ? Object.keys(stepSeconds) : undefined,
    );
    expect(order.findLast((step) => step.startsWith('etcd '))).toBe(`etcd ${leaderBefore}`);
    const written = await writer?.stop();

    expect(await etcd()).toEqual(
      ['cp-1', 'cp-2', 'cp-3'].map((name) => `${name} ${after} of 3.6.0`),
    );
    expect(written?.acknowledged.size).toBeGreaterThan(300);
    expect(await writer?.lost()).toEqual([]);
  });

  tell('a rollback of the hop brings etcd back to what took the snapshot', async () => {
    const { client, cluster } = ground;
    await client.rollBack(cluster, { ...asked, hop: 'hop-1.29' });
    const result = await untilEnded(ground);

    expect(result).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
    expect(await etcd()).toEqual(
      ['cp-1', 'cp-2', 'cp-3'].map((name) => `${name} ${before} of 3.5.0`),
    );
  });
});
