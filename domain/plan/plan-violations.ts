// What the judge of plans (plan-checks.ts) may find, and how it is told.

/** Every way in which a plan can be wrong, for documentation and for the tests. */
export const planViolationCodes = [
  'observation-incomplete',
  'digest-wrong',
  'target-missed',
  'hop-misnamed',
  'hop-disconnected',
  'hop-goes-back',
  'hop-skips-minor',
  'release-unavailable',
  'approval-wrong',
  'step-order-wrong',
  'step-count-wrong',
  'step-kind-wrong',
  'images-incomplete',
  'snapshot-missing',
  'step-version-wrong',
  'member-unknown',
  'member-left-behind',
  'node-unknown',
  'node-repeated',
  'node-too-early',
  'node-left-behind',
  'pool-wrong',
  'max-unavailable-wrong',
  'window-wrong',
  'node-order-wrong',
  'api-server-skewed',
  'controller-skewed',
  'kubelet-skewed',
  'etcd-version-wrong',
  'emulation-wrong',
] as const;

export interface PlanViolation {
  readonly code: (typeof planViolationCodes)[number];
  /** `plan`, `start`, `hop-1.29` or `hop-1.29/pool web`. */
  readonly where: string;
  readonly object: string;
  readonly expected: string;
  readonly actual: string;
}
