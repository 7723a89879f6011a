// The three ways in which `watch` shows what happens, and how it ends.

import { runCli } from '../../cli/program';
import type { UpgradeClient } from '../../cli/context';
import type { UpgradeProgress } from '../../domain/status/progress';
import { AscentError } from '../../client';
import { FakeTerminal } from './support/fake-terminal';
import { FakeUpgrade } from './support/fake-upgrade';
import {
  completed,
  paused,
  plan,
  rolledBack,
  upgrading,
  waitingForApproval,
} from './support/fixtures';

function anUpgrade(...moments: readonly UpgradeProgress[]): UpgradeClient {
  return new FakeUpgrade({ cluster: 'prod', plan, moment: upgrading, moments });
}

describe('watch', () => {
  it('draws a picture for every look on a terminal', async () => {
    const terminal = new FakeTerminal({
      isTerminal: true,
      client: () => anUpgrade(upgrading, waitingForApproval, completed),
    });

    await expect(runCli(['watch', 'prod'], terminal.context)).resolves.toBe(0);

    expect(terminal.frames.map((frame) => frame.split('\n')[0])).toEqual([
      'prod  1.28.15 → 1.30.14  upgrading  30 min',
      'prod  1.28.15 → 1.30.14  waiting-for-approval  1 h 30 min',
      'prod  1.28.15 → 1.30.14  ended  3 h',
    ]);
    expect(terminal.stdout).toBe('');
  });

  it('prints a line with its time for everything that happens elsewhere', async () => {
    const terminal = new FakeTerminal({
      client: () => anUpgrade(waitingForApproval, waitingForApproval, completed),
    });

    await expect(runCli(['watch', 'prod'], terminal.context)).resolves.toBe(0);

    const lines = terminal.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(9);
    expect(lines[0]).toBe('04:10:00  waiting-for-approval');
    expect(lines.at(-1)).toBe('04:10:00  prod was upgraded from 1.28.15 to 1.30.14 in 2 hops');
    expect(terminal.frames).toEqual([]);
  });

  it('prints a document a line as JSON, each once, and the result at the end', async () => {
    const terminal = new FakeTerminal({
      isTerminal: true,
      client: () => anUpgrade(upgrading, upgrading, paused, rolledBack),
    });

    await expect(runCli(['watch', 'prod', '-o', 'json'], terminal.context)).resolves.toBe(8);

    const documents = terminal.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { schema: string; status?: { phase: string } });
    expect(documents.map(({ schema, status }) => [schema, status?.phase])).toEqual([
      ['ascent.progress/v1', 'upgrading'],
      ['ascent.progress/v1', 'paused'],
      ['ascent.progress/v1', 'ended'],
      ['ascent.result/v1', undefined],
    ]);
    expect(documents.at(-1)).toMatchObject({ cluster: 'prod', outcome: 'rolled-back' });
  });

  it('says that the upgrade goes on when it is interrupted', async () => {
    const terminal = new FakeTerminal({ client: () => anUpgrade(upgrading) });

    await expect(runCli(['watch', 'prod'], terminal.context)).resolves.toBe(130);

    expect(terminal.stderr).toBe('no longer watching; the upgrade of prod goes on\n');
  });

  it('closes its connection whatever happens', async () => {
    const client = new FakeUpgrade({ cluster: 'prod', plan });
    const terminal = new FakeTerminal({ client: () => client });

    await expect(runCli(['watch', 'prod'], terminal.context)).resolves.toBe(6);

    expect(client.isClosed).toBe(true);
  });

  it('tells an outage and its end between the lines', async () => {
    const client = new FakeUpgrade({ cluster: 'prod', plan, moment: upgrading });
    const watch: UpgradeClient['watch'] = async function* (_cluster, options) {
      options?.onOutage?.(
        new AscentError({
          code: 'temporal-unreachable',
          message: 'Temporal does not answer at here:7233',
          remedy: 'wait',
        }),
      );
      options?.onRecovery?.();
      yield await Promise.resolve(completed);
      return completed.status.result;
    };
    const terminal = new FakeTerminal({ client: () => Object.assign(client, { watch }) });

    await expect(runCli(['watch', 'prod'], terminal.context)).resolves.toBe(0);

    expect(terminal.stdout.split('\n').slice(0, 2)).toEqual([
      '04:10:00  Temporal does not answer at here:7233; waiting for an answer',
      '04:10:00  answers again',
    ]);
  });
});
