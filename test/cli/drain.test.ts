// What transcripts cannot show of drains: pictures on a terminal, ends that are no ends.

import { runCli } from '../../cli/program';
import { DrainFailedError } from '../../client';
import { aPool } from '../support/builders';
import { FakeTerminal } from './support/fake-terminal';
import { FakeUpgrade } from './support/fake-upgrade';
import { plan } from './support/fixtures';
import { nodes } from './support/node-fixtures';

const argv = ['drain', 'web-2', '--yes', '--cluster', 'prod'];

function upgradeWith(name: string): FakeUpgrade {
  return new FakeUpgrade({ cluster: 'prod', plan, node: nodes[name] ?? {} });
}

describe('drain on a terminal', () => {
  it('draws what it waits for, and says below how it ended', async () => {
    const client = upgradeWith('waits for a budget until it is drained');
    const terminal = new FakeTerminal({ isTerminal: true, client: () => client });

    expect(await runCli(argv, terminal.context)).toBe(0);

    expect(terminal.frames).toHaveLength(3);
    expect(terminal.frames.at(-1)?.split('\n')).toEqual([
      'web-2  draining  50 s  6 pods evicted, 2 left',
      '  pod default/web-7f9 has not left for 40 s: budget default/web allows no eviction now' +
        ' (the budget',
      '  needs 9 healthy pods and has 9 now) - it goes on by itself when more of its pods are' +
        ' Ready; else',
      '  add replicas or relax it',
      '  drainNode of drain/prod/web-2 has failed 2 times and is tried again: no answer',
    ]);
    expect(terminal.stdout).toBe(
      'node web-2 is drained: pods evicted: 8, in 1 min 2 s; it stays cordoned\n',
    );
    expect(client.isClosed).toBe(true);
  });
});

describe('what is asked for', () => {
  it('names a policy only when a flag does, so that any drain can be joined', async () => {
    const client = upgradeWith('');
    const asked = async (...flags: string[]) => {
      const terminal = new FakeTerminal({ client: () => client });
      expect(await runCli([...argv, ...flags], terminal.context)).toBe(0);
      return client.calls.at(-1);
    };
    const ada = { actor: 'ada@workstation', reason: 'no reason given' };

    expect(await asked()).toEqual(['drain', 'prod', 'web-2', ada]);
    const policy = { ...aPool().drain, timeoutMs: 7_200_000, gracePeriodSeconds: 5 };
    expect(await asked('--timeout', '2h', '--grace-period', '5', '-r', 'new memory')).toEqual([
      'drain',
      'prod',
      'web-2',
      { actor: 'ada@workstation', reason: 'new memory', policy },
    ]);
  });
});

describe('--follow', () => {
  it('begins no drain, and needs nobody to say yes', async () => {
    const client = upgradeWith('comes to its deadline');
    const terminal = new FakeTerminal({ client: () => client });
    const follow = ['drain', 'web-2', 'web-3', '--follow', '--cluster', 'prod'];

    expect(await runCli(follow, terminal.context)).toBe(8);

    expect(client.calls).toEqual([]);
    expect(terminal.stdout).toContain('node web-2 is not drained');
    expect(terminal.stdout).toContain('node web-3 is not drained');
  });
});

describe('a drain whose workflow was closed from outside', () => {
  it('is told, and the next node is tried', async () => {
    const client = upgradeWith('');
    const watch = client.watchDrain.bind(client);
    client.watchDrain = (cluster, node) => {
      if (node === 'web-2') throw new DrainFailedError(node, 'terminated');
      return watch(cluster, node);
    };
    const terminal = new FakeTerminal({ client: () => client });

    const code = await runCli(['drain', 'web-2', 'web-3', ...argv.slice(2)], terminal.context);

    expect(code).toBe(8);
    expect(terminal.stderr).toBe(
      'the drain of node web-2 was terminated without a result\n' +
        '→ look at its history in Temporal; the node may still be cordoned: uncordon it\n',
    );
    expect(terminal.stdout).toContain('node web-3 is drained');
  });
});
