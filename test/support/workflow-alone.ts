// A scripted cluster of one member and one node for workflows that no upgrade starts.

import type { ClusterName } from '../../domain/names';
import { aCluster, clusterName } from './builders';
import { ScriptedCluster } from './workflow-cluster';
import { withActivityWorker, type WorkflowServer } from './workflow-server';

let clusters = 0;

/** Runs the body with a worker of a cluster whose name nothing else in the file has. */
export async function withClusterAlone(
  server: WorkflowServer,
  use: (name: ClusterName, scripted: ScriptedCluster) => Promise<void>,
): Promise<void> {
  clusters += 1;
  const name = clusterName(`alone-${clusters}`);
  const scripted = new ScriptedCluster(aCluster(name).withMembers(1).withNodes(1).observation());
  await withActivityWorker(server, name, scripted.activities(), () => use(name, scripted));
}
