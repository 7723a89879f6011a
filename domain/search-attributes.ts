// The search attributes of upgradeCluster, all of type Keyword. A server must know them before the
// first upgrade starts: the worker, the lab's server and deploy/temporal create them from here, the
// workflows set them and clients filter by them.

/** What each attribute tells → its name on the server; in the order in which they are created. */
export const searchAttributeNames = {
  cluster: 'AscentCluster',
  /** Version that the upgrade began at. */
  from: 'AscentFrom',
  /** Target minor until the plan is made, then the plan's target version. */
  to: 'AscentTo',
  /** UpgradePhase of domain/status/progress.ts. */
  phase: 'AscentPhase',
  /** Id of the oldest open gate; absent when nothing waits for a person. */
  waitingFor: 'AscentWaitingFor',
} as const;

/** All names, for whoever creates them. */
export const allSearchAttributes: readonly string[] = Object.values(searchAttributeNames);
