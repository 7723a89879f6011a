// What the checks of workloads find.

import type { CheckFinding } from '../findings/finding';

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

export type WorkloadFinding = CheckFinding<
  WorkloadCheck,
  { readonly kind: string; readonly namespace: string; readonly name: string }
>;
