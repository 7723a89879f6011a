// Which deprecated APIs somebody has asked an API server for since it started.
// Authority: the metrics apiserver_requested_deprecated_apis (KEP-1693), apiserver_request_total.

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

export type ObservedUse = Extract<Seen<DeprecatedApiUse>, { readonly kind: 'observed' }> & {
  /** How long it counts already; absent where it does not say. */
  readonly upSeconds?: number;
};

export type DeprecatedUse =
  ObservedUse | Extract<Seen<DeprecatedApiUse>, { readonly kind: 'unobserved' }>;

/** Each API server knows of itself only, and only since it started. */
export interface MemberDeprecatedUse {
  readonly member: MemberName;
  readonly use: DeprecatedUse;
}
