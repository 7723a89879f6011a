// How one workflow speaks to the others: signals that nobody waits for, and that are never lost
// because their sender ended too soon.
// L1. A signal that cannot be delivered (its receiver is gone) is logged, never an error.
// L2. Nothing here is cancellable: what a cancelled workflow has to say matters most.
// L3. One receiver gets them one after the other: the server may turn two that are under way at the
//     same time around, and a pause after its resume would last for ever.

import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  type SignalDefinition,
} from '@temporalio/workflow';

import { type Acknowledgement, isAcknowledgement } from '../domain/findings/acknowledgement';
import type { ClusterName } from '../domain/names';
import { isMaxUnavailable } from '../domain/pool/pool-limits';
import { upgradeWorkflowId } from '../domain/workflow-ids';
import { type Control, controlSignal, type Report, reportSignal } from './family-messages';

export interface Line {
  /** Tells the root of this upgrade. */
  report(report: Report): void;
  send<Argument>(
    workflowId: string,
    signal: SignalDefinition<[Argument]>,
    argument: Argument,
  ): void;
  /** Resolves when everything was delivered or given up. */
  whenQuiet(): Promise<void>;
}

/** `upgrade`: first run id of the root, so that a root started later ignores the reports. */
export function openLine(cluster: ClusterName, upgrade: string): Line {
  const root = upgradeWorkflowId(cluster);
  let underWay = 0;
  const last = new Map<string, Promise<void>>();
  const deliver = async (to: string, send: () => Promise<void>): Promise<void> => {
    try {
      await last.get(to);
      await CancellationScope.nonCancellable(send);
    } catch (error) {
      log.warn('a signal was not delivered', { to, error: String(error) });
    } finally {
      underWay -= 1;
    }
  };
  const send: Line['send'] = (to, signal, argument) => {
    underWay += 1;
    const handle = getExternalWorkflowHandle(to);
    last.set(
      to,
      deliver(to, () => handle.signal(signal, argument)),
    );
  };
  return {
    send,
    report: (report) => send(root, reportSignal, { upgrade, report }),
    whenQuiet: () => CancellationScope.nonCancellable(() => condition(() => underWay === 0)),
  };
}

/**
 * Whether a child is paused after a control. Anybody may send one, and a handler that throws stops
 * its workflow for good: what is no control changes nothing.
 */
export function pausedAfter(control: Partial<Control> | undefined, isPaused: boolean): boolean {
  if (control?.kind === 'pause') return true;
  return control?.kind === 'resume' ? false : isPaused;
}

type Limit = Extract<Control, { readonly kind: 'limit' }>;

/** The limit that a control brings; as above, what is none is not looked at. */
export function limitIn(control: Partial<Control> | undefined): Limit | undefined {
  if (control?.kind !== 'limit') return undefined;
  const { kind, pool, maxUnavailable } = control;
  const isCount = typeof maxUnavailable === 'number' && isMaxUnavailable(maxUnavailable);
  return typeof pool === 'string' && isCount ? { kind, pool, maxUnavailable } : undefined;
}

/** Those that a control brings; undefined where it brings none, or what is not one. */
export function acknowledgementsIn(
  control: Partial<Control> | undefined,
): readonly Acknowledgement[] | undefined {
  if (control?.kind !== 'acknowledgements') return undefined;
  const { acknowledgements: all } = control;
  return Array.isArray(all) && all.every(isAcknowledgement) ? all : undefined;
}

/** A child that must know whether the upgrade is paused. */
export interface PausableChild {
  /** What it was told last. */
  toldPaused: boolean;
  /** Before it has started nobody hears what it is told; its input says how things stood. */
  isStarted: boolean;
  readonly workflowId: string;
}

/** Whether the child must be told something else than it was told last. */
export function isMisinformed(child: PausableChild, isPaused: boolean): boolean {
  return child.isStarted && child.toldPaused !== isPaused;
}

/** A control that a child has not been told yet. */
export interface Unsaid {
  readonly workflowId: string;
  readonly control: Control;
  /** It counts as told from now on. */
  readonly markTold: () => void;
}

/** Tells each child its control; from now on it counts as told. */
export function sayUnsaid(line: Line, unsaid: readonly Unsaid[]): void {
  for (const { workflowId, control, markTold } of unsaid) {
    markTold();
    line.send(workflowId, controlSignal, control);
  }
}

/**
 * Keeps children informed of a pause, and of what else they must know, until `isClosed`: whenever
 * what a child was told differs from what is, it is told (L1). Level, not edge: a child that starts
 * in between misses nothing.
 */
export async function relayControls(options: {
  readonly line: Line;
  readonly isPaused: () => boolean;
  readonly isClosed: () => boolean;
  readonly children: () => readonly PausableChild[];
  /** Besides the pause. */
  readonly unsaid?: () => readonly Unsaid[];
}): Promise<void> {
  const { line, isPaused, isClosed, children, unsaid = () => [] } = options;
  const uninformed = (): readonly PausableChild[] =>
    children().filter((child) => isMisinformed(child, isPaused()));
  await CancellationScope.nonCancellable(async () => {
    for (;;) {
      await condition(() => isClosed() || uninformed().length > 0 || unsaid().length > 0);
      if (isClosed()) return;
      const control: Control = { kind: isPaused() ? 'pause' : 'resume' };
      for (const child of uninformed()) {
        child.toldPaused = isPaused();
        line.send(child.workflowId, controlSignal, control);
      }
      sayUnsaid(line, unsaid());
    }
  });
}
