// Which deprecated APIs somebody has asked an API server for since it started.
// Authority: the metrics apiserver_requested_deprecated_apis (KEP-1693), apiserver_request_total.
// Beside it, as it is read in the same answer, what Priority and Fairness has turned away.

import type { Seen } from './api-extensions';
import type { MemberName } from './names';

export interface DeprecatedApiUse {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `flowschemas`, `pods/eviction`. */
  readonly resource: string;
  /** The release that is to be without it, `1.29`; absent where none is planned. */
  readonly removedIn?: string;
  /** Of every verb and every outcome; 0 where the API server does not count them. */
  readonly requests: number;
}

/** A priority level of API Priority and Fairness, of one API server. */
export interface RejectingLevel {
  /** `workload-low`. */
  readonly level: string;
  /** Requests that were answered with 429 since it started. */
  readonly rejected: number;
  /** Requests in its queues now. */
  readonly waiting: number;
  /** Seats that requests of it have now, and those that are its own; others may lend it theirs. */
  readonly used: number;
  readonly limit: number;
}

export type ObservedUse = Extract<Seen<DeprecatedApiUse>, { readonly kind: 'observed' }> & {
  /** How long it counts already; absent where it does not say. */
  readonly upSeconds?: number;
  /** Priority levels that it has turned requests of away; absent where there are none. */
  readonly rejecting?: readonly RejectingLevel[];
};

export type DeprecatedUse =
  | ObservedUse
  | Extract<Seen<DeprecatedApiUse>, { readonly kind: 'unobserved' }>;

/** Each API server knows of itself only, and only since it started. */
export interface MemberDeprecatedUse {
  readonly member: MemberName;
  readonly use: DeprecatedUse;
}

/** On average; what was counted in less than an hour is taken for that of an hour. */
export function perHour(counted: number, upSeconds: number): number {
  return (counted * 3_600) / Math.max(upSeconds, 3_600);
}
