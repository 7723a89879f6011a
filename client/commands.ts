// Commands to a running upgrade: each is an update, answered at once, refused with a reason (C2).

import { randomUUID } from 'node:crypto';

import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

import type { Command, CommandAccepted, CommandRefusal } from '../domain/status/control';
import { commandRefusalCodes } from '../domain/status/control';
import type { Session } from './calls';
import { callUpgrade, endOf } from './calls';
import {
  CommandRefusedError,
  UpgradeEndedError,
  UpgradeNotFoundError,
  WorkerMissingError,
} from './errors';
import { isWorkflowNotFound } from './temporal-errors';

/**
 * Sends one command. The request id is also the update's id, so that a repeated call is the same
 * call. Throws AscentError: command-refused, upgrade-ended, upgrade-not-found, worker-missing,
 * temporal-unreachable, temporal-refused.
 */
export async function sendCommand(
  session: Session,
  cluster: string,
  command: Command,
): Promise<CommandAccepted> {
  const { name, request } = command;
  const ask = (handle: WorkflowHandle) =>
    handle.executeUpdate<CommandAccepted, [Command['request']]>(name, {
      args: [request],
      updateId: request.requestId,
    });
  try {
    return await callUpgrade(session, cluster, ask);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal !== undefined) throw refusalError(cluster, refusal, error);
    if (error instanceof UpgradeNotFoundError && isWorkflowNotFound(error.cause)) {
      // Temporal says the same for a workflow that never was and for one that is closed.
      const end = await endOf(session, cluster);
      if (end !== undefined) throw new UpgradeEndedError(cluster, end.outcome, end.result);
    }
    if (error instanceof WorkerMissingError) throw withFate(error, name);
    throw error;
  }
}

/** Temporal keeps an update that no worker has seen; only a restart of its server forgets it. */
function withFate(error: WorkerMissingError, name: Command['name']): WorkerMissingError {
  const { taskQueue, waitedSeconds, cause } = error;
  const remedy =
    `start a worker; ${name} was handed to Temporal and may take effect then,` +
    ' so look at the status before you send it again';
  return new WorkerMissingError({ taskQueue, waitedSeconds, remedy, cause });
}

/** A fresh idempotency key. */
export function newRequestId(): string {
  return randomUUID();
}

/** The refusal that an update failed with (M2 in workflows/messages.ts), if it is one. */
export function refusalOf(error: unknown): CommandRefusal | undefined {
  return refusalAmong<CommandRefusal>(error, commandRefusalCodes);
}

/** Likewise for refusals of another union, whose codes are given. */
export function refusalAmong<Refusal extends { readonly code: string }>(
  error: unknown,
  codes: readonly Refusal['code'][],
): Refusal | undefined {
  if (!(error instanceof WorkflowUpdateFailedError)) return undefined;
  const failure = error.cause;
  if (!(failure instanceof ApplicationFailure)) return undefined;
  const [refusal] = failure.details ?? [];
  if (typeof refusal !== 'object' || refusal === null || !('code' in refusal)) return undefined;
  const isKnown = refusal.code === failure.type && codes.some((code) => code === refusal.code);
  return isKnown ? (refusal as Refusal) : undefined;
}

function refusalError(cluster: string, refusal: CommandRefusal, cause: unknown) {
  return refusal.code === 'upgrade-ended'
    ? new UpgradeEndedError(cluster, refusal.outcome as UpgradeEndedError['outcome'])
    : new CommandRefusedError(refusal, cause);
}
