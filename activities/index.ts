// All activities of one cluster. A worker makes one set for each cluster that it serves.

import type { AscentActivities } from '../domain/activity-contract';
import type { ActivityDependencies } from './activity-run';
import { admissionActivities } from './admission/admission';
import { controlPlaneActivities } from './control-plane';
import { cordonActivities } from './cordon';
import { drillActivities } from './drill';
import { drainActivities } from './drain/drain';
import { endSurgesActivities } from './drain/end-surges';
import { etcdMemberActivities } from './etcd-member';
import { imageActivities } from './images';
import { lookAheadActivities } from './look-ahead';
import { memberGateActivities } from './member-gate';
import { nodeActivities } from './node';
import { observeActivities } from './observe';
import { planActivities } from './plan';
import { preflightActivities } from './preflight';
import { previewRollBackActivities } from './preview-rollback';
import { repairEtcdActivities } from './repair-etcd';
import { restoreActivities } from './restore';
import { restoreLookActivities } from './restore-looks';
import { replaceMembersActivities } from './replace-members';
import { rolloutActivities } from './rollout';
import { snapshotActivities } from './snapshot';
import { pruneActivities } from './snapshot-prune';
import { stageActivities } from './stage-restore';
import { verifyActivities } from './verify';
import { waitingTaintActivities } from './waiting-taint';

/** The activities of `deps.cluster`; inputs for another cluster fail with `wrong-cluster`. */
export function createActivities(deps: ActivityDependencies): AscentActivities {
  return {
    ...observeActivities(deps),
    ...planActivities(deps),
    ...preflightActivities(deps),
    ...lookAheadActivities(deps),
    ...imageActivities(deps),
    ...snapshotActivities(deps),
    ...pruneActivities(deps),
    ...memberGateActivities(deps),
    ...controlPlaneActivities(deps),
    ...cordonActivities(deps),
    ...waitingTaintActivities(deps),
    ...admissionActivities(deps),
    ...drainActivities(deps),
    ...endSurgesActivities(deps),
    ...nodeActivities(deps),
    ...replaceMembersActivities(deps),
    ...rolloutActivities(deps),
    ...verifyActivities(deps),
    ...restoreActivities(deps),
    ...restoreLookActivities(deps),
    ...stageActivities(deps),
    ...previewRollBackActivities(deps),
    ...drillActivities(deps),
    ...repairEtcdActivities(deps),
    ...etcdMemberActivities(deps),
  };
}
