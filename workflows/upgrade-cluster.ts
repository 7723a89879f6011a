// The root of an upgrade: plans, asks, runs hop after hop, rolls back. Its workflow id is the lock
// of the cluster. What it waits for and who may say what is in root.ts and command-desk.ts.
// U1. It never fails: whatever happens to the cluster is an outcome, and whatever cannot be decided
//     by data waits at a gate.
// U2. Between two hops it continues as new, so that its history is never longer than one hop.

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
} from '@temporalio/workflow';

import { failureInfo } from '../domain/failure-remedies';
import { stopsApiServer } from '../domain/plan/plan';
import type { MemberOutcome, UpgradeResult } from '../domain/status/progress';
import { resultSentence } from '../domain/status/status-sentences';
import type { KubeVersion } from '../domain/versions';
import { failureOf } from './activity-failures';
import { activity } from './activity-options';
import { engineActor } from './audit-trail';
import { rejected, rollBack, runHop } from './hop-supervision';
import type { UpgradeClusterInput } from './messages';
import { admitHop, planFirst } from './replanning';
import { openRoot, type Root, runCourier } from './root';
import { hopsLeft, noted, toCarry, type UpgradeState } from './upgrade-state';

/** Takes a cluster to the target of its spec; see docs/concepts.md. */
export async function upgradeCluster(input: UpgradeClusterInput): Promise<UpgradeResult> {
  const root = openRoot(input);
  const scope = CancellationScope.current();
  const courier = runCourier(root);
  let end: UpgradeResult | 'next-hop';
  try {
    end = await conduct(root);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    end = cancelled(root);
  }
  // The next run would not know that this one was cancelled.
  if (end === 'next-hop' && scope.consideredCancelled) end = cancelled(root);
  if (end !== 'next-hop') {
    // Only where a record says so: it needs no patch.
    if (isStaged(root.state)) await removeStaged(root);
    finish(root, end);
  }
  await CancellationScope.nonCancellable(async () => {
    root.isClosed = true;
    await courier;
    await root.line.whenQuiet();
    await condition(allHandlersFinished);
  });
  if (end !== 'next-hop') return end;
  return continueAsNew<typeof upgradeCluster>({ ...input, carried: toCarry(root.state) });
}

async function conduct(root: Root): Promise<UpgradeResult | 'next-hop'> {
  const isFirstRun = root.state.plan === undefined;
  if (isFirstRun) {
    const refusal = await planFirst(root);
    if (refusal !== undefined) {
      root.state = { ...root.state, refusal };
      return { outcome: 'blocked', refusal };
    }
  }
  const admission = await admitHop(root, isFirstRun);
  switch (admission.kind) {
    case 'nothing-left':
      return completed(root);
    case 'decided':
      return decided(root);
    case 'begin': {
      const end = await runHop(root, admission.hop);
      if (end === 'decided') return decided(root);
      return hopsLeft(root.state).length === 0 ? completed(root) : 'next-hop';
    }
  }
}

async function decided(root: Root): Promise<UpgradeResult> {
  const { decision } = root.state;
  if (decision?.kind === 'roll-back') return rollBack(root, decision.way);
  return rejected(root, versionNow(root.state));
}

function completed(root: Root): UpgradeResult {
  const { journey, plan, hops } = root.state;
  const to = plan?.to ?? versionNow(root.state);
  return { outcome: 'completed', from: journey?.from ?? to, to, hops };
}

/** Version of the control plane: of its oldest API server while a hop was under way. */
function versionNow({ hops, plan, journey }: UpgradeState): KubeVersion {
  if (plan === undefined || journey === undefined) throw new Error('there is no plan yet');
  const last = hops.at(-1);
  if (last === undefined) return journey.from;
  if (last.outcome === 'completed') return last.to;
  const steps = plan.hops.find((hop) => hop.id === last.hop)?.steps ?? [];
  if (steps.some(({ kind }) => kind === 'replace-members')) {
    return last.members.length === 0 ? last.from : last.to;
  }
  const servers = steps.filter(stopsApiServer);
  const isUp = (member: string): boolean =>
    last.members.some((one) => one.member === member && hasApiServer(one));
  return servers.every((step) => isUp(step.member)) ? last.to : last.from;
}

function hasApiServer({ component }: MemberOutcome): boolean {
  return component === 'kube-apiserver' || component === 'member';
}

/** The end that Temporal's own cancellation brings; nobody told us who asked for it. */
function cancelled(root: Root): UpgradeResult {
  const { state } = root;
  if (state.plan === undefined) {
    const failure = failureInfo('unexpected', 'it was cancelled before the plan was made');
    const refusal = { code: 'planning-failed', failure } as const;
    root.state = { ...state, refusal };
    return { outcome: 'blocked', refusal };
  }
  const reason = 'its workflow was cancelled through Temporal';
  return { outcome: 'cancelled', at: versionNow(state), by: 'temporal', reason, hops: state.hops };
}

/** A hop that has not come to its snapshot leaves what the one before it has staged. */
function isStaged({ wayBack, hops }: UpgradeState): boolean {
  const records = [wayBack?.snapshot, ...hops.map(({ snapshot }) => snapshot)];
  return records.some((record) => record?.staged === true);
}

/** Nobody goes back any more, and it holds Secrets. */
async function removeStaged(root: Root): Promise<void> {
  const { cluster } = root.state.spec;
  const call = activity(cluster, 'unstageRestore', { summary: 'no way back is needed any more' });
  try {
    await CancellationScope.nonCancellable(() => call({ cluster }));
  } catch (error) {
    const text =
      `the staged way back could not be removed: ${failureOf(error).message}` +
      ' - remove /var/lib/ascent/way-back from the machine of the control plane';
    const note = { actor: engineActor, event: 'rollback.staged-stays', text };
    root.state = noted(root.state, note, Date.now());
  }
}

function finish(root: Root, result: UpgradeResult): void {
  const ended = { ...root.state, gates: [], outbox: [], result };
  const text = resultSentence(ended.spec.cluster, result);
  const note = { actor: engineActor, event: `upgrade.${result.outcome}`, text };
  root.state = noted(ended, note, Date.now());
}
