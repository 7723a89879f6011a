// Histories of an upgrade: all runs of the root and everything below it.

import type { WorkflowClient } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

// Not historyToJSON of @temporalio/common: it fails where npm installs more than one protobufjs.
const { History } = temporal.api.history.v1;
export type History = temporal.api.history.v1.IHistory;

export interface NamedHistory {
  readonly workflowId: string;
  readonly runId: string;
  readonly history: History;
}

/** Depth first, in the order in which they began; runs of one workflow in their order. */
export async function fetchHistories(
  client: { readonly workflow: WorkflowClient },
  workflowId: string,
): Promise<readonly NamedHistory[]> {
  const first = await client.workflow.getHandle(workflowId).describe();
  const firstRun = first.raw.workflowExecutionInfo?.firstRunId || undefined;
  return runsFrom(client, workflowId, firstRun ?? (await firstRunOf(client, workflowId)));
}

/** The test server does not tell the first run; the first event of any run does. */
async function firstRunOf(
  client: { readonly workflow: WorkflowClient },
  workflowId: string,
): Promise<string | undefined> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  return (
    history.events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId ?? undefined
  );
}

async function runsFrom(
  client: { readonly workflow: WorkflowClient },
  workflowId: string,
  firstRunId: string | undefined,
): Promise<readonly NamedHistory[]> {
  const found: NamedHistory[] = [];
  let runId = firstRunId;
  while (runId !== undefined && runId !== '') {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    found.push({ workflowId, runId, history });
    for (const child of childrenIn(history)) {
      found.push(...(await runsFrom(client, child.workflowId, child.runId)));
    }
    const last = history.events?.at(-1);
    runId = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
  return found;
}

function childrenIn(
  history: History,
): readonly { readonly workflowId: string; readonly runId: string }[] {
  return (history.events ?? []).flatMap((event) => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    if (!child?.workflowId || !child.runId) return [];
    return [{ workflowId: child.workflowId, runId: child.runId }];
  });
}

const folder = resolve(__dirname, '../replay/histories');
/** Folder of the release that is being made. */
const release = 'v0.1';

interface SavedRun extends Omit<NamedHistory, 'history'> {
  readonly history: Readonly<Record<string, unknown>>;
}

/** Writes `<release>/<scenario>.json`: one member a run, in the JSON form of protobufjs. */
export async function saveHistories(
  scenario: string,
  histories: readonly NamedHistory[],
): Promise<void> {
  const runs = histories.map(({ workflowId, runId, history }) => ({
    workflowId,
    runId,
    history: History.create(history).toJSON() as unknown,
  }));
  await mkdir(join(folder, release), { recursive: true });
  const lines = runs.map((run) => JSON.stringify(run, withoutPlace));
  await writeFile(join(folder, release, `${scenario}.json`), `[\n${lines.join(',\n')}\n]\n`);
}

/** Leaves out what tells of the machine on which it was recorded; a replay does not look at it. */
function withoutPlace(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return undefined;
  return key === 'identity' ? 'recorder' : value;
}

/** All recorded histories, by release and scenario. */
export async function loadHistories(): Promise<
  readonly { readonly scenario: string; readonly runs: readonly NamedHistory[] }[]
> {
  const files = (await readdir(folder, { recursive: true })).filter((file) =>
    file.endsWith('.json'),
  );
  return Promise.all(
    files.toSorted().map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      const saved = JSON.parse(text) as readonly SavedRun[];
      const runs = saved.map((run) => ({ ...run, history: History.fromObject(run.history) }));
      return { scenario: file.replace(/\.json$/, ''), runs };
    }),
  );
}
