// The workflows that a worker registers: entry of the bundle.

export { rollBackHop } from './roll-back-hop';
export { startScheduledUpgrade } from './start-scheduled-upgrade';
export { upgradeCluster } from './upgrade-cluster';
export { upgradeHop } from './upgrade-hop';
export { upgradeNode } from './upgrade-node';
export { upgradePool } from './upgrade-pool';
