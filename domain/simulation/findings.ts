// What the checks of this folder find: typed, with the evidence, so that runs can be compared.

import type { Severity } from '../preflight/findings';

export const workloadChecks = [
  'budget-never',
  'budget-overlap',
  'budget-empty',
  'budget-sync-failed',
  'budget-missing',
  'single-replica',
  'one-node',
  'one-zone',
  'no-readiness-probe',
  'no-pre-stop',
  'empty-dir-data',
  'bare-pod',
  'long-grace',
  'finalizer',
  'host-path',
  'local-volume',
] as const;

export type WorkloadCheck = (typeof workloadChecks)[number];

export interface WorkloadFinding {
  readonly check: WorkloadCheck;
  readonly severity: Severity;
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
  /** What was seen; changes when the finding is another one. */
  readonly evidence: Readonly<Record<string, string | number | readonly string[]>>;
  /** Why it matters for a drain. */
  readonly why: string;
  readonly remedy: string;
}
