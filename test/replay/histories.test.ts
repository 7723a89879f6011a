// Replays every recorded history with the workflows as they are now: what runs for weeks on one
// release must go on with the next. Recorded by `RECORD=1 npm run test:workflow` (`test:lab` for
// what the time-skipping server cannot do) from the tests that name a scenario; a
// release's folder is frozen once it is out.

import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

import * as workflows from '../../workflows';
import { workflowBundle } from '../support/workflow-bundle';
import { type History, loadHistories, type NamedHistory } from '../support/workflow-histories';

// Ends a run that hangs; a busy machine is many times as slow as a quiet one.
jest.setTimeout(600_000);

interface Recorded {
  readonly scenario: string;
  readonly runs: readonly NamedHistory[];
}

let recorded: readonly Recorded[] = [];

beforeAll(async () => {
  recorded = await loadHistories();
});

function typeOf(history: History): string {
  const first = history.events?.[0]?.workflowExecutionStartedEventAttributes;
  return first?.workflowType?.name ?? 'unknown';
}

function eventsNamed(runs: readonly NamedHistory[], attributes: string): number {
  const events = runs.flatMap(({ history }) => history.events ?? []);
  return events.filter((event) => Boolean(event[attributes as keyof typeof event])).length;
}

it('replays without a difference', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const broken: string[] = [];
  const scenarioOf = new Map(
    recorded.flatMap(({ scenario, runs }) => runs.map(({ runId }) => [runId, scenario] as const)),
  );
  const all = recorded.flatMap(({ runs }) => runs);
  // Each in its own right: no two scenarios may have a run in common.
  expect(scenarioOf.size).toBe(all.length);
  const options = { workflowBundle: workflowBundle() };
  let replayed = 0;
  for await (const { runId, workflowId, error } of Worker.runReplayHistories(options, all)) {
    replayed += 1;
    const scenario = scenarioOf.get(runId) ?? 'unknown';
    if (error !== undefined) broken.push(`${scenario} ${workflowId}: ${error.message}`);
  }
  expect(broken).toEqual([]);
  expect(replayed).toBe(all.length);
});

it('has a history of every exported workflow', () => {
  const types = new Set(recorded.flatMap(({ runs }) => runs.map(({ history }) => typeOf(history))));
  expect([...types].toSorted()).toEqual(Object.keys(workflows).toSorted());
});

it('has histories with what is hardest to keep: new runs, pauses, rollbacks, cancellations', () => {
  const runs = recorded.flatMap((one) => one.runs);
  expect(recorded.map(({ scenario }) => scenario)).toEqual(
    expect.arrayContaining([
      'v0.1/two-hops',
      'v0.1/paused-in-drain',
      'v0.1/rolled-back-in-pool',
      'v0.1/cancelled-in-drain',
    ]),
  );
  const kinds = [
    'workflowExecutionContinuedAsNewEventAttributes',
    'workflowExecutionUpdateAcceptedEventAttributes',
    'activityTaskCancelRequestedEventAttributes',
    'timerFiredEventAttributes',
  ];
  expect(kinds.filter((kind) => eventsNamed(runs, kind) === 0)).toEqual([]);
});
