// What a record is made of where Temporal does not have everything any more: recorded histories of
// an upgrade of two hops, the second rolled back, of which some are taken away.

import { WorkflowNotFoundError } from '@temporalio/client';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { temporal } from '@temporalio/proto';

import { AscentClient } from '../../client';
import type { ChangeRecord } from '../../client';
import { recordProblem } from '../../domain/record/chain';
import { dataOf, upgradeOf } from '../../domain/record/record';
import type { AuditEntry } from '../../domain/status/control';
import { recordedPlan, recordEvidence } from '../support/record-evidence';

const { History } = temporal.api.history.v1;
const file = path.resolve(__dirname, '../replay/histories/v0.1/rolled-back-in-pool.json');

interface Told {
  readonly history: temporal.api.history.v1.IHistory;
  readonly workflowId: string;
  readonly runId: string;
}

let told: readonly Told[] = [];

beforeAll(async () => {
  const saved = JSON.parse(await readFile(file, 'utf8')) as readonly Told[];
  told = saved.map((run) => ({ ...run, history: History.fromObject(run.history) }));
});

interface Server {
  /** Histories that are gone. */
  readonly gone?: (run: Told, roots: readonly Told[]) => boolean;
  readonly closed?: string;
  readonly trail?: readonly AuditEntry[];
}

const { result: _none, ...unended } = recordEvidence.status;

/** As much of Temporal's client as a record asks. */
function clientOf({ gone = () => false, closed = 'TERMINATED', trail = [] }: Server): AscentClient {
  const roots = told.filter(({ workflowId }) => workflowId === 'upgrade/c1');
  const answers = { status: unended, audit: trail, plan: recordedPlan };
  const handle = (workflowId: string, runId: string | undefined) => {
    const runs = told.filter((run) => run.workflowId === workflowId);
    const run = runId === undefined ? runs.at(-1) : runs.find((one) => one.runId === runId);
    const found = (): Told => {
      if (run === undefined) throw new WorkflowNotFoundError('not found', workflowId, runId);
      return run;
    };
    return {
      describe: () =>
        Promise.resolve().then(() => ({
          runId: found().runId,
          raw: { workflowExecutionInfo: { firstRunId: roots[0]?.runId } },
          status: { name: found() === roots[0] ? 'CONTINUED_AS_NEW' : closed },
        })),
      fetchHistory: () =>
        Promise.resolve().then(() => {
          if (!gone(found(), roots)) return found().history;
          throw new WorkflowNotFoundError('its history is gone', workflowId, runId);
        }),
      query: ({ name }: { readonly name: keyof typeof answers }) => Promise.resolve(answers[name]),
    };
  };
  const client = {
    options: { dataConverter: {} },
    withDeadline: (_deadline: number, ask: () => unknown) => ask(),
    workflow: { getHandle: handle },
  };
  return new AscentClient(client as never);
}

function kindsOf({ entries }: ChangeRecord): Readonly<Record<string, number>> {
  return dataOf(entries, 'end')[0]?.counts ?? {};
}

const uuid = '480b6208-2149-4a96-8417-1b554fcdae5f';

describe('a record of histories', () => {
  it('has requests, beginnings of steps and preflights of all runs', async () => {
    const record = await clientOf({}).changeRecord('c1');
    expect(recordProblem(record)).toBeUndefined();
    expect(upgradeOf(record.entries)).toMatchObject({ upgrade: uuid, state: 'terminated' });
    expect(dataOf(record.entries, 'request')).toEqual([
      {
        requestId: 'r-1',
        command: 'approve',
        actor: 'ada',
        reason: 'a test',
        gate: 'approve/hop-1.30',
        planDigest: '8f3c7a3d9606d8f719e9093bf46ccb66449674b659347a9a1c9cd2792974e345',
      },
      {
        requestId: 'r-2',
        command: 'rollBack',
        actor: 'ada',
        reason: 'a test',
        hop: 'hop-1.30',
      },
    ]);
    const steps = dataOf(record.entries, 'step').map(({ hop, label }) => `${hop} ${label}`);
    expect(steps.slice(0, 3)).toEqual([
      'hop-1.29 preflight',
      'hop-1.29 snapshot',
      'hop-1.29 api-server cp-1',
    ]);
    expect(steps.at(-1)).toBe('hop-1.30 rollback cordons');
    expect(dataOf(record.entries, 'look').map(({ hop, step }) => `${hop} ${step}`)).toEqual([
      'hop-1.29 preflight',
      'hop-1.30 preflight',
    ]);
    // The second run was handed the trail of the first, and the plan.
    expect(dataOf(record.entries, 'event')[0]?.event).toBe('upgrade.asked');
    expect(dataOf(record.entries, 'plan')).toHaveLength(2);
  });

  it('is the same, asked for by the id of its first run', async () => {
    const client = clientOf({});
    const [first] = told;
    const record = await client.changeRecord('c1', { runId: first?.runId ?? '' });
    expect(record).toEqual(await client.changeRecord('c1'));
  });

  it('says which histories are gone, and has what the others tell', async () => {
    const gone: Server['gone'] = (run, roots) =>
      run === roots[0] || run.workflowId.endsWith('hop-1.30');
    const record = await clientOf({ gone }).changeRecord('c1');
    expect(recordProblem(record)).toBeUndefined();
    const lost = told.filter(
      ({ workflowId }, index) => index === 0 || workflowId.endsWith('/hop-1.30'),
    );
    expect(dataOf(record.entries, 'missing').slice(0, 2)).toEqual(
      lost.map(({ workflowId, runId }) => ({ code: 'history-gone', workflowId, runId })),
    );
    const hops = dataOf(record.entries, 'step').map(({ hop }) => hop);
    expect([...new Set(hops)]).toEqual(['hop-1.30']);
    expect(kindsOf(record)).toMatchObject({ request: 2 });
    // What the second run was handed tells of the first.
    expect(dataOf(record.entries, 'event')[0]?.event).toBe('upgrade.asked');
  });

  it('stands on what the workflow keeps where no history is left', async () => {
    const [asked] = recordEvidence.trails.at(-1) ?? [];
    const trail = asked === undefined ? [] : [asked];
    const record = await clientOf({ gone: () => true, trail }).changeRecord('c1');
    expect(recordProblem(record)).toBeUndefined();
    expect(upgradeOf(record.entries).upgrade).toBe(uuid);
    expect(kindsOf(record)).toMatchObject({ upgrade: 1, event: 1, plan: 1, hop: 2 });
    expect(kindsOf(record)).not.toHaveProperty('request');
    expect(dataOf(record.entries, 'missing')[0]).toMatchObject({ code: 'history-gone' });
  });

  it.each([
    ['FAILED', 'failed'],
    ['TIMED_OUT', 'timed-out'],
    ['CANCELLED', 'unknown'],
  ])('says of one that Temporal closed as %s that it %s', async (closed, state) => {
    const record = await clientOf({ closed }).changeRecord('c1');
    expect(upgradeOf(record.entries).state).toBe(state);
  });

  it('knows nothing of other runs, and of other clusters', async () => {
    const unknown = { code: 'upgrade-not-found' };
    await expect(clientOf({}).changeRecord('c2')).rejects.toMatchObject(unknown);
    await expect(clientOf({}).changeRecord('c1', { runId: 'no' })).rejects.toMatchObject(unknown);
  });
});
