// Commands that read a cluster themselves, over a cluster in memory behind the ports.

import type { OpenCluster } from '../../activities/adapters/open-cluster';
import { runCli } from '../../cli/program';
import { PortError } from '../../activities/ports';
import { FakeCluster } from '../support/fake-cluster';
import { FakeTerminal } from './support/fake-terminal';
import { FakeUpgrade } from './support/fake-upgrade';
import { plan } from './support/fixtures';

const spec = 'apiVersion: ascent/v1\ncluster: lab\ntarget: "1.30"\n';
const files = {
  'access.json': JSON.stringify({
    apiVersion: 'ascent/access/v1',
    cluster: 'lab',
    driver: { kind: 'lab', socket: 'supervisor.sock' },
  }),
  'upgrade.yaml': spec,
  'other.yaml': spec.replace('lab', 'prod'),
};

class Opened {
  readonly cluster = new FakeCluster();
  closed = 0;

  constructor() {
    for (const name of ['worker-1', 'worker-2'])
      this.cluster.kube.addNode(name, { kubeletVersion: 'v1.28.15' });
  }

  terminal(env: Readonly<Record<string, string>> = {}): FakeTerminal {
    const open = (): OpenCluster => ({
      ...this.cluster.ports,
      close: () => {
        this.closed += 1;
        return Promise.resolve();
      },
    });
    return new FakeTerminal({ files, env, cluster: open });
  }
}

describe('observe', () => {
  it('writes what it saw, so that a plan can be made without the cluster', async () => {
    const opened = new Opened();
    const terminal = opened.terminal();

    const observed = await runCli(
      ['observe', '--access', 'access.json', '--file', 'seen.json'],
      terminal.context,
    );
    terminal.stdout = '';
    const live = await runCli(
      ['plan', '--spec', 'upgrade.yaml', '--access', 'access.json'],
      terminal.context,
    );
    const livePlan = terminal.stdout;
    terminal.stdout = '';
    const offline = await runCli(
      ['plan', '--spec', 'upgrade.yaml', '--observation', 'seen.json'],
      terminal.context,
    );

    expect([observed, live, offline]).toEqual([0, 0, 0]);
    expect(terminal.stdout).toBe(livePlan);
    expect(opened.closed).toBe(2);
  });

  it('shows a node that reports no kubelet version, for which there is no plan', async () => {
    const opened = new Opened();
    opened.cluster.kube.addNode('ghost', { kubeletVersion: '' });
    const terminal = opened.terminal();

    const observe = ['observe', '--access', 'access.json', '--file', 'seen.json'];
    await expect(runCli(observe, terminal.context)).resolves.toBe(0);
    expect(terminal.stdout).toMatch(/^ghost +- +not reported +- +- +-$/m);
    terminal.stdout = '';
    const plan = ['plan', '--spec', 'upgrade.yaml', '--observation', 'seen.json'];
    await expect(runCli(plan, terminal.context)).resolves.toBe(3);

    expect(terminal.stdout.replaceAll(/\s+/g, ' ')).toContain(
      'node ghost reports no kubelet version',
    );
  });

  it('takes the access file from the environment', async () => {
    const opened = new Opened();
    const terminal = opened.terminal({ ASCENT_ACCESS: 'access.json' });

    await expect(runCli(['observe', '-o', 'json'], terminal.context)).resolves.toBe(0);

    expect(JSON.parse(terminal.stdout)).toMatchObject({
      schema: 'ascent.observation/v1',
      cluster: 'lab',
    });
  });

  it('neither reads nor keeps what drains would meet, which is large', async () => {
    const opened = new Opened();
    const collect = jest.spyOn(opened.cluster.ports.simulation, 'collect');
    const terminal = opened.terminal();

    const observe = ['observe', '--access', 'access.json', '--file', 'seen.json', '-o', 'json'];
    await expect(runCli(observe, terminal.context)).resolves.toBe(0);

    expect(collect).not.toHaveBeenCalled();
    const written = JSON.parse(terminal.files.get('seen.json') ?? '') as object;
    expect(JSON.parse(terminal.stdout)).not.toHaveProperty('drains');
    expect(written).not.toHaveProperty('drains');
    expect(written).toHaveProperty('deprecatedUse');
  });

  it('says that the API does not answer, and gives its connections back', async () => {
    const opened = new Opened();
    const failure = new PortError(
      'unreachable',
      'listing nodes: connect ECONNREFUSED 127.0.0.1:6443',
    );
    jest.spyOn(opened.cluster.kube, 'listNodes').mockRejectedValue(failure);
    const terminal = opened.terminal();

    await expect(
      runCli(['observe', '--access', 'access.json', '-o', 'json'], terminal.context),
    ).resolves.toBe(7);

    expect(JSON.parse(terminal.stdout)).toEqual({
      schema: 'ascent.error/v1',
      code: 'cluster-unreachable',
      message: 'listing nodes: connect ECONNREFUSED 127.0.0.1:6443',
      remedy: 'see that the cluster runs and that its addresses in the access file are right',
      exitCode: 7,
      problems: [],
    });
    expect(opened.closed).toBe(1);
  });

  it('does not plan for one cluster what was written for another', async () => {
    const terminal = new Opened().terminal();

    await expect(
      runCli(['plan', '--spec', 'other.yaml', '--access', 'access.json'], terminal.context),
    ).resolves.toBe(2);

    expect(terminal.stderr).toContain('access.json is about cluster lab, the spec about prod');
  });

  it('tells what is wrong with an access file', async () => {
    const terminal = new Opened().terminal();

    await expect(runCli(['observe', '--access', 'missing.json'], terminal.context)).resolves.toBe(
      2,
    );

    expect(terminal.stderr).toBe(
      'error: the access file missing.json is not valid\n' +
        '  missing.json: cannot be read (ENOENT)\n' +
        '→ correct it; docs/operate.md describes its fields\n',
    );
  });
});

describe('start', () => {
  it('shows the plan of the cluster, asks, and starts just that plan', async () => {
    const opened = new Opened();
    const client = new FakeUpgrade({ cluster: 'lab', plan });
    const base = opened.terminal();
    const context = {
      ...base.context,
      connect: () => Promise.resolve(client),
      confirm: () => Promise.resolve(true),
    };

    await expect(
      runCli(['start', '--spec', 'upgrade.yaml', '--access', 'access.json'], context),
    ).resolves.toBe(0);

    const digest = /^digest (\w{64})$/m.exec(base.stdout)?.[1];
    expect(client.calls).toEqual([
      ['start', 'lab', { actor: 'ada@workstation', expectedDigest: digest }],
    ]);
    // Once, before the question.
    expect(base.stdout.match(/^Plan for cluster/gm)).toHaveLength(1);
  });
});
