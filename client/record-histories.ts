// Reads from the histories of one upgrade what its workflows do not keep: requests as they arrived,
// when steps began, what checks found, and the trail and the plan as each run was handed them.
// Histories are told by Temporal for a while only (the retention of its namespace).

import type { LoadedDataConverter } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow';
import { optionalTsToMs } from '@temporalio/common/lib/time';
import type { temporal } from '@temporalio/proto';

import type { HopId } from '../domain/names';
import type { Plan } from '../domain/plan/plan';
import type { PreflightReport } from '../domain/preflight/findings';
import type { FindingsLook, RecordedRequest, StepMark } from '../domain/record/record';
import type { AuditEntry, Gate } from '../domain/status/control';
import type { UpgradeClusterInput } from '../workflows/messages';

type History = temporal.api.history.v1.IHistory;
type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Payloads = temporal.api.common.v1.IPayloads | null | undefined;

/** Of what children report to the root (the signal `report`), what is read here. */
interface ToldReport {
  readonly upgrade?: string;
  readonly report?:
    | { readonly kind: 'step'; readonly label: string; readonly atMs: number }
    | { readonly kind: 'gate'; readonly gate: Gate }
    | { readonly kind: 'snapshot' | 'paused' | 'note' };
}

/** One run of a workflow. */
export interface RunRef {
  readonly workflowId: string;
  readonly runId: string;
}

/** What the history of one run of the root tells. */
export interface RootFacts {
  /** First run of the chain. */
  readonly upgrade: string;
  /** The run that went on as this one; absent for the first. */
  readonly before?: string;
  readonly trail: readonly AuditEntry[];
  readonly plan?: Plan;
  readonly requests: readonly RecordedRequest[];
  readonly steps: readonly StepMark[];
  readonly looks: readonly FindingsLook[];
  /** Hops and rollbacks that this run began. */
  readonly children: readonly RunRef[];
}

/** The hop of the workflow of a hop or of its rollback; see domain/workflow-ids.ts. */
export function hopOfWorkflow(workflowId: string): HopId {
  return (workflowId.split('/')[2] ?? '') as HopId;
}

export async function rootFacts(
  history: History,
  converter: LoadedDataConverter,
): Promise<RootFacts> {
  const events = history.events ?? [];
  const started = events[0]?.workflowExecutionStartedEventAttributes ?? {};
  const upgrade = started.firstExecutionRunId ?? '';
  const input = await firstOf<UpgradeClusterInput>(converter, started.input);
  const messages = new RootMessages(upgrade, converter);
  for (const event of events) await messages.read(event);
  const { requests, steps, looks, children } = messages;
  const { continuedExecutionRunId: before } = started;
  const handed = handedOver(input);
  return { upgrade, ...(before ? { before } : {}), ...handed, requests, steps, looks, children };
}

/** What the run before it had told. */
function handedOver(input: UpgradeClusterInput | undefined): Pick<RootFacts, 'trail' | 'plan'> {
  const { audit = [], plan } = input?.carried ?? {};
  return { trail: audit, ...(plan === undefined ? {} : { plan }) };
}

/** What arrives at the root, in its order. */
class RootMessages {
  readonly requests: RecordedRequest[] = [];
  readonly steps: StepMark[] = [];
  readonly looks: FindingsLook[] = [];
  readonly children: RunRef[] = [];
  readonly #upgrade: string;
  readonly #converter: LoadedDataConverter;
  /** Of the child that was begun last: reports of steps do not name it. */
  #hop: HopId | undefined;

  constructor(upgrade: string, converter: LoadedDataConverter) {
    this.#upgrade = upgrade;
    this.#converter = converter;
  }

  async read(event: HistoryEvent): Promise<void> {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    if (child?.workflowId && child.runId) {
      this.children.push({ workflowId: child.workflowId, runId: child.runId });
      this.#hop = hopOfWorkflow(child.workflowId);
    }
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName) await this.#heard(signal.signalName, signal.input);
    const update = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
    if (update?.name) this.#request(update.name, await firstOf(this.#converter, update.args));
  }

  async #heard(signal: string, input: Payloads): Promise<void> {
    const told = await firstOf<ToldReport>(this.#converter, input);
    if (signal === 'report') this.#report(told);
    else this.#request(signal, told);
  }

  /** As the root itself: what is not from a child of this upgrade is not looked at. */
  #report({ upgrade, report }: ToldReport = {}): void {
    if (upgrade !== this.#upgrade || report === undefined) return;
    if (report.kind === 'step' && this.#hop !== undefined) {
      this.steps.push({ hop: this.#hop, label: report.label, atMs: report.atMs });
    }
    if (report.kind !== 'gate' || report.gate.kind !== 'step') return;
    const { hop, step, findings, sinceMs } = report.gate;
    // What a preflight found is in the history of its hop, also where nothing blocks.
    if (findings.length === 0 || step === 'preflight') return;
    this.looks.push({ hop, step, atMs: sinceMs, findings });
  }

  #request(command: string, given: unknown): void {
    if (typeof given !== 'object' || given === null) return;
    const fields = given as Readonly<Record<string, unknown>>;
    const { requestId, actor, reason } = fields;
    if (typeof requestId !== 'string' || typeof actor !== 'string') return;
    if (typeof reason !== 'string') return;
    const named = ['gate', 'planDigest', 'hop', 'node', 'finding', 'report'].flatMap((name) => {
      const value = fields[name];
      return typeof value === 'string' ? [[name, value] as const] : [];
    });
    this.requests.push({ requestId, command, actor, reason, ...Object.fromEntries(named) });
  }
}

/** What the preflights of one run of a hop found, also where nothing blocked. */
export async function preflightLooks(
  workflowId: string,
  history: History,
  converter: LoadedDataConverter,
): Promise<readonly FindingsLook[]> {
  const hop = hopOfWorkflow(workflowId);
  const asked = new Set<string>();
  const looks: FindingsLook[] = [];
  for (const event of history.events ?? []) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === 'preflight') asked.add(String(event.eventId));
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed && asked.has(String(completed.scheduledEventId))) {
      const report = await firstOf<PreflightReport>(converter, completed.result);
      const atMs = optionalTsToMs(event.eventTime) ?? 0;
      looks.push({ hop, step: 'preflight', atMs, findings: report?.findings ?? [] });
    }
  }
  return looks;
}

async function firstOf<Value>(
  converter: LoadedDataConverter,
  payloads: Payloads,
): Promise<Value | undefined> {
  const [value] = await decodeArrayFromPayloads(converter, payloads?.payloads);
  return value as Value | undefined;
}
