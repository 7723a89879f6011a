// Updates that are refused: the failure's type is the code, its detail the refusal, its words the
// sentence of that refusal.

import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

/** The refusal in the failure of an update; throws when the update was accepted. */
export async function refusalOfUpdate<Refusal extends { readonly code: string }>(
  update: Promise<unknown>,
  sentence: (refusal: Refusal) => string,
): Promise<Refusal> {
  try {
    await update;
  } catch (error) {
    const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure)) throw error;
    const refusal = cause.details?.[0] as Refusal;
    expect(cause.type).toBe(refusal.code);
    expect(cause.message).toBe(sentence(refusal));
    return refusal;
  }
  throw new Error('the update was accepted');
}
