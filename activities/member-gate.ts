// checkMembers: the gate before, between and after members. The rules are those of the preflight,
// as far as they concern the members (domain/preflight): each instance is asked directly.

import type { AscentActivities, CheckMembersInput } from '../domain/activity-contract';
import type { Finding, PreflightReport } from '../domain/preflight/findings';
import { evaluateControlPlane } from '../domain/preflight/preflight';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { observeMembers } from './observe';
import { watchUntilGood } from './passes';

/** What a change leaves behind for a moment: an election, a lease that is handed over, a lag. */
const patienceMs = 60_000;
const lookEveryMs = 500;

export function memberGateActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'checkMembers'> {
  return {
    /**
     * Reads only, once when nothing blocks. Bound: 1 min of something that blocks, which is then
     * in the result. Heartbeats what it waits for.
     */
    checkMembers: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `checking the members of cluster ${input.cluster}`,
          code: 'unexpected',
        },
        (run) => checkMembers(deps, run, input),
      ),
  };
}

async function checkMembers(
  { ports }: ActivityDependencies,
  run: ActivityRun,
  { hop, etcd: change }: CheckMembersInput,
): Promise<PreflightReport> {
  const look = async (): Promise<PreflightReport> => {
    const [members, etcd, leases] = await Promise.all([
      observeMembers(ports, run.signal),
      ports.etcd.observe(run.signal),
      ports.kube.listLeaderLeases(run.signal),
    ]);
    const facts = { observation: { members, etcd, leases }, hop };
    return evaluateControlPlane(change === undefined ? facts : { ...facts, etcd: change });
  };
  let report: PreflightReport = { schema: 'ascent.preflight/v1', findings: [] };
  const boundMs = run.boundedMs(patienceMs);
  await watchUntilGood<Finding>({
    clock: ports.clock,
    signal: run.signal,
    passes: 1,
    soakMs: 0,
    patienceMs: boundMs,
    limitMs: boundMs,
    everyMs: lookEveryMs,
    look: async () => {
      report = await look();
      return report.findings.filter(({ severity }) => severity === 'blocks');
    },
    onLook: ({ wrong: [first] }) => {
      run.beat({ phase: first === undefined ? 'the members are fit' : first.message });
    },
  });
  return report;
}
