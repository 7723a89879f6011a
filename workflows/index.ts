// The workflows that a worker registers: entry of the bundle.

export { drainNode } from './drain-node';
export { drillRollBack } from './drill-roll-back';
export { lookAhead } from './look-ahead';
export { previewRollBack } from './preview-roll-back';
export { pruneClusterSnapshots, takeClusterSnapshot, takeScheduledSnapshot } from './snapshots';
export { rollBackHop } from './roll-back-hop';
export { startScheduledUpgrade } from './start-scheduled-upgrade';
export { uncordonNode } from './uncordon-node';
export { upgradeCluster } from './upgrade-cluster';
export { upgradeHop } from './upgrade-hop';
export { upgradeNode } from './upgrade-node';
export { upgradePool } from './upgrade-pool';
