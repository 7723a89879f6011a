// One node of a real cluster, drained and uncordoned by the command line, without an upgrade: the
// built program, a worker, kubelets and budgets are all real. The access file has no driver, as
// that of any cluster can be written.

import { driverlessAccess } from '../../support/lab-access';
import { labSpec } from '../../support/lab-spec';
import { LabGround } from '../../support/lab-ground';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';
import { type RunningCommand, start } from '../../bin/support/command';

jest.setTimeout(300_000);

const node = 'worker-01';
const held = 'worker-02';
const cordon = 'ascent: drained by ada: new memory';

describe('a node is drained outside of an upgrade', () => {
  const spec = labSpec({ cluster: 'driverless', target: '1.29.15', allowSingleMember: true });
  let ground: LabGround;
  let accessFile: string;
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    ground = await LabGround.open({ name: 'nodes', members: 1, nodes: 3, pods: 0 });
    await ground.bringUpLab();
    ({ accessFile } = await driverlessAccess(ground));
    await ground.kube.spread('anywhere', 6);
    // The scheduler may leave a node out; this pod is there whatever it does.
    await ground.kube.pin('here', node);
    await ground.kube.pinPair('pair', held);
  });

  afterAll(async () => {
    await ground?.close();
  });

  function ascent(...words: readonly string[]): RunningCommand {
    const { stateDir, address } = ground;
    const where = ['--access', accessFile, '--address', address, '--actor', 'ada'];
    return start(stateDir, [...words, ...where]);
  }

  async function document(...words: readonly string[]) {
    const command = ascent(...words, '-o', 'json');
    const code = await command.code;
    const { nodes } = JSON.parse(command.said()) as { readonly nodes: readonly unknown[] };
    return { code, nodes };
  }

  tell('what would happen is told without a worker, and nothing happens', async () => {
    const before = await ground.kube.movablePods(node);

    const { code, nodes } = await document('drain', node, '--dry-run');

    expect(code).toBe(0);
    const [preview] = nodes as readonly {
      pods: { namespace: string; name: string; verdict: string }[];
    }[];
    const evicted = preview?.pods.filter(({ verdict }) => verdict === 'evict') ?? [];
    const names = evicted.map(({ namespace, name }) => `${namespace}/${name}`);
    expect(names.toSorted()).toEqual(before.map(({ name }) => name).toSorted());
    expect(await ground.kube.node(node)).toMatchObject({ isCordoned: false });
  });

  tell('it is emptied, and stays cordoned with who asked and why', async () => {
    await ground.startWorker({ cluster: spec.cluster, accessFile });
    const pods = (await ground.kube.movablePods(node)).length;

    const drained = await document('drain', node, '--yes', '-r', 'new memory');

    expect(drained).toMatchObject({
      code: 0,
      nodes: [{ node, outcome: 'drained', cordon: 'ours', evicted: pods }],
    });
    expect(await ground.kube.movablePods(node)).toEqual([]);
    expect(await ground.kube.node(node)).toMatchObject({ isCordoned: true, cordonReason: cordon });
  });

  tell('uncordon undoes it, once', async () => {
    const uncordoned = await document('uncordon', node);
    expect(uncordoned).toMatchObject({ code: 0, nodes: [{ node, uncordon: 'removed', cordon }] });
    const again = await document('uncordon', node);
    expect(again).toMatchObject({ code: 0, nodes: [{ node, uncordon: 'not-cordoned' }] });
    expect(await ground.kube.node(node)).toMatchObject({ isCordoned: false });
  });

  tell('an upgrade of it is refused: nothing could carry it out', async () => {
    const started = await ground.client.start(spec, { actor: 'ada' });
    expect(started).toMatchObject({
      kind: 'refused',
      refusal: { code: 'planning-failed', failure: { code: 'driver-missing' } },
    });
  });

  tell('a budget is waited for and explained; at the deadline nothing is forced', async () => {
    const [first, second] = await ground.kube.movablePods(held);
    expect([first, second].map((pod) => pod?.isReady)).toEqual([true, true]);

    const command = ascent('drain', held, '--yes', '--timeout', '12s', '-r', 'new memory');
    // The replacement of the first may run on no other node.
    await command.until(
      new RegExp(
        'waits: pod default/pair-\\S+ has not left: budget default/pair allows no eviction now:' +
          ' 1 of 2 pods is healthy, 1 must be; pair-\\S+ \\(ReplicaSet pair-\\S+\\) is not' +
          ' scheduled \\(Unschedulable: 0/3 nodes are available: .* - it goes on by itself when 1' +
          ' more of its pods is Ready',
      ),
    );

    expect(await command.code).toBe(8);
    expect(command.said()).toContain(`node ${held} is not drained and stays cordoned`);
    expect(await ground.kube.node(held)).toMatchObject({ isCordoned: true, cordonReason: cordon });
    const left = (await ground.kube.movablePods(held)).filter(({ isReady }) => isReady);
    expect(left.length).toBeGreaterThan(0);
  });

  tell('Ctrl-C ends only the watching; uncordon stops the drain', async () => {
    const command = ascent('drain', held, '--yes', '-r', 'new memory');
    await command.until(/is being drained/);
    command.press('SIGINT');
    expect(await command.code).toBe(130);
    expect(command.said()).toContain(`the drain of node ${held} goes on`);

    const joined = ascent('drain', held, '--yes');
    await joined.until(/is being drained already/);
    const uncordoned = await document('uncordon', held, '-r', 'not today');

    expect(uncordoned).toMatchObject({
      code: 0,
      nodes: [{ node: held, outcome: 'undone', by: 'ada', uncordon: 'removed', cordon }],
    });
    expect(await joined.code).toBe(8);
    expect(joined.said()).toContain(`node ${held} is uncordoned`);
    await untilTrue(`${held} serves`, async () => {
      const { isCordoned } = await ground.kube.node(held);
      return !isCordoned;
    });
  });
});
