// The activity behind looks by a schedule: the upgrade is asked through Temporal as the worker is
// connected to it, the cluster is looked at, and what differs is told.

import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';

import type { Plan } from '../../domain/plan/plan';
import { findingKey } from '../../domain/preflight/identity';
import type { LookedAhead } from '../../domain/preflight/look-ahead';
import type { UpgradeStatus } from '../../domain/status/progress';
import { aCluster, aPlan, aSpec } from '../support/builders';
import { cluster, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

interface FakeUpgrade {
  readonly state?: string;
  readonly status?: Partial<UpgradeStatus>;
  readonly plan?: Plan | null;
  readonly fails?: Error;
}

const plan = aPlan(aSpec(), aCluster().withMembers(3).withNodes(2).observation());

/** Temporal with one upgrade, or none; `asked` keeps what was asked. */
function temporal(upgrade?: FakeUpgrade) {
  const asked: string[] = [];
  const { state = 'RUNNING', status, plan: told = plan, fails } = upgrade ?? {};
  const client = {
    withAbortSignal: <T>(_signal: AbortSignal, run: () => Promise<T>): Promise<T> => run(),
    withDeadline: <T>(_deadline: number, ask: () => Promise<T>): Promise<T> => ask(),
    workflow: {
      getHandle: (id: string) => ({
        describe: () => {
          asked.push(id);
          if (upgrade === undefined) {
            return Promise.reject(new WorkflowNotFoundError('none', id, undefined));
          }
          if (fails !== undefined) return Promise.reject(fails);
          return Promise.resolve({ status: { name: state } });
        },
        query: (name: string) => {
          asked.push(name);
          const answers = { status: { phase: 'upgrading', hops: [], ...status }, plan: told };
          return Promise.resolve(answers[name as keyof typeof answers]);
        },
      }),
    },
  };
  // Only these are asked for.
  return { asked, client: client as unknown as Client };
}

function look(fake: FakeCluster, client: Client, before?: LookedAhead) {
  const input = { cluster, ...(before === undefined ? {} : { before: before.memory }) };
  return runOnce(fake, 'lookAtHopToCome', input, { temporal: client });
}

describe('lookAtHopToCome', () => {
  const fake = new FakeCluster();
  const nowMs = fake.clock.nowMs();

  it('asks the upgrade and looks as the preflight of its next hop would', async () => {
    const { asked, client } = temporal({});
    const first = await look(fake, client);
    const { findings } = await runOnce(fake, 'preflight', {
      cluster,
      hop: {
        id: plan.hops[0]?.id ?? ('none' as never),
        from: plan.from,
        to: plan.hops[0]?.to ?? plan.to,
      },
      planned: { hopMs: 0, pathMs: 0, pathTo: plan.to },
    });
    if (first.kind !== 'looked') throw new Error(first.why.code);
    expect(asked).toEqual(['upgrade/lab', 'status', 'plan']);
    expect(first).toMatchObject({ atMs: nowMs, hop: { id: 'hop-1.29' } });
    expect(first.findings.map(({ key }) => key)).toEqual(findings.map(findingKey));
    expect(findings.length).toBeGreaterThan(0);

    fake.kube.addNode('worker-1', { ready: false });
    const second = await look(fake, client, first);
    expect(second).toMatchObject({
      since: { atMs: nowMs, hop: 'hop-1.29' },
      counts: { new: 1, changed: 0, gone: 0 },
      findings: [{ code: 'node-not-ready', change: 'new' }],
    });
  });

  it('knows who answers for what', async () => {
    const { client } = temporal({});
    const seen = await look(fake, client);
    if (seen.kind !== 'looked') throw new Error(seen.why.code);
    const [worst] = seen.findings;
    if (worst?.severity !== 'blocks') throw new Error('a node that is not Ready blocks');
    const { key: finding, digest } = worst;
    const one = { finding, digest, by: 'ada', reason: 'known', sinceMs: 0, untilMs: nowMs + 1 };
    const answered = temporal({ status: { acknowledgements: [one] } });
    expect(await look(fake, answered.client)).toMatchObject({
      counts: { blocks: seen.counts.blocks - 1, answered: 1 },
    });
  });

  it.each<readonly [string, FakeUpgrade | undefined]>([
    ['there never was one', undefined],
    ['the last one has ended', { state: 'COMPLETED' }],
  ])('looks at nothing where %s, and asks no cluster', async (_when, upgrade) => {
    const away = new FakeCluster();
    away.kube.listNodes = () => Promise.reject(new Error('nobody asks'));
    const { asked, client } = temporal(upgrade);
    expect(await look(away, client)).toEqual({
      kind: 'nothing-to-look-at',
      atMs: nowMs,
      why: { code: 'no-upgrade-open' },
    });
    expect(asked).toEqual(['upgrade/lab']);
  });

  it('looks at nothing before there is a plan', async () => {
    const { client } = temporal({ plan: null });
    expect(await look(fake, client)).toMatchObject({ why: { code: 'plan-missing' } });
  });

  it('is tried again when Temporal does not answer', async () => {
    const { client } = temporal({ fails: new Error('deadline exceeded') });
    expect(await failureOf(look(fake, client))).toMatchObject({
      type: 'unexpected',
      nonRetryable: false,
      message: 'looking ahead on cluster lab: deadline exceeded',
    });
  });
});
