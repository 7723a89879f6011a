// Tells the answers of the Eviction API apart. Authority: kube-apiserver
// pkg/registry/core/pod/storage/eviction.go, tried on 1.28 to 1.30.
// E1. Structure decides (HTTP code, causes, details, Retry-After). Texts are used only for the one
//     answer that carries nothing else, and to name a budget for people.

import type { PodRef } from '../../domain/names';
import type { EvictionAnswer } from '../ports';
import { type ApiRefusal, refusalText } from './kube-errors';

/** Seconds to wait when flow control does not say; its own default is 1. */
const throttledSeconds = 1;

/** A conflict says nothing about the pod: it is read again before it becomes an answer. */
export type EvictionRefusal =
  | EvictionAnswer
  | { readonly kind: 'conflict'; readonly message: string };

/** What a refused eviction of `pod` means. 401 is no answer: the caller throws it. */
export function classifyEviction(pod: PodRef, refusal: ApiRefusal): EvictionRefusal {
  const { httpCode, status, message } = refusal;
  switch (httpCode) {
    case 403:
      return forbidden(refusal);
    case 404:
      // A 404 without a Status came from something in between, not from the API.
      return status?.reason === 'NotFound' ? { kind: 'gone' } : { kind: 'failed', message };
    case 409:
      return { kind: 'conflict', message };
    case 429:
      return tooManyRequests(pod, refusal);
    case 500:
      return isOverlap(refusal)
        ? { kind: 'budgets-overlap', message }
        : { kind: 'failed', message };
    default:
      return { kind: 'failed', message: refusalText(refusal) };
  }
}

function causeOf(
  { status }: ApiRefusal,
  reason: string,
): { message?: string | undefined } | undefined {
  return status?.details?.causes?.find((cause) => cause.reason === reason);
}

function forbidden(refusal: ApiRefusal): EvictionAnswer {
  if (causeOf(refusal, 'NamespaceTerminating') !== undefined) {
    return { kind: 'namespace-terminating' };
  }
  const { message, status } = refusal;
  // The API server's own 403 names what was refused; the one of a webhook that denies for now, as
  // storage operators do, has a reason and a sentence only (apiserver webhook ToStatusErr).
  if (status !== undefined && status.details === undefined) return { kind: 'failed', message };
  // A budget that cannot be reckoned with is refused as Forbidden too, in the budget's own name.
  const isBudget = status?.details?.kind?.startsWith('poddisruptionbudget') === true;
  return isBudget ? { kind: 'forbidden', by: 'budget', message } : { kind: 'forbidden', message };
}

function tooManyRequests(pod: PodRef, refusal: ApiRefusal): EvictionAnswer {
  const { retryAfterSeconds } = refusal;
  const cause = causeOf(refusal, 'DisruptionBudget');
  if (cause === undefined) {
    return { kind: 'throttled', retryAfterSeconds: retryAfterSeconds ?? throttledSeconds };
  }
  const message = cause.message ?? refusal.message;
  // Only a budget whose status lags behind its spec is answered with a time to wait.
  if (retryAfterSeconds !== undefined && retryAfterSeconds > 0) {
    return { kind: 'budget-not-observed', message, retryAfterSeconds };
  }
  const name = budgetNameIn(message);
  return name === undefined
    ? { kind: 'budget', message }
    : { kind: 'budget', budget: { namespace: pod.namespace, name }, message };
}

/** The answer names its budget in the sentence only. */
function budgetNameIn(message: string): string | undefined {
  return /^The disruption budget (\S+) (?:needs|is) /.exec(message)?.[1];
}

/** This Status is made by hand in the server: no reason, no details, only its sentence. */
function isOverlap({ status }: ApiRefusal): boolean {
  const hasReason = status?.reason !== undefined && status.reason !== '';
  if (status === undefined || hasReason || status.details !== undefined) return false;
  return /more than one PodDisruptionBudget/.test(status.message ?? '');
}
