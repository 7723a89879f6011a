// The look before a hop changes anything: what it finds is told to the root, which keeps it for the
// next look, and what blocks stops the hop until it is gone or somebody answers for it.

import { patched } from '@temporalio/workflow';

import { failureInfo } from '../domain/failure-remedies';
import { standingText } from '../domain/findings/acknowledgement';
import type { ClusterName } from '../domain/names';
import type { Hop } from '../domain/plan/plan';
import type { Finding } from '../domain/preflight/findings';
import { findingKey } from '../domain/preflight/identity';
import { isAnsweredFor, judged } from '../domain/preflight/judgement';
import { preflightOfHop } from '../domain/preflight/hop-to-come';
import { maxSeenFindings } from '../domain/preflight/seen';
import type { KubeVersion } from '../domain/versions';
import { activity } from './activity-options';
import { blockedBy, type StepProblem, type StepRun } from './step-run';

interface LookingHop {
  readonly input: {
    readonly cluster: ClusterName;
    readonly hop: Hop;
    /** How long the hops after it take as planned. */
    readonly laterMs?: number;
    readonly pathTo?: KubeVersion;
  };
  readonly run: StepRun;
}

export async function lookBefore({ input, run }: LookingHop): Promise<StepProblem | undefined> {
  const { cluster, hop, laterMs = 0, pathTo } = input;
  const { id } = hop;
  const call = activity(cluster, 'preflight', { summary: `preflight of ${id}` });
  const { findings } = await call({ cluster, ...preflightOfHop(hop, { laterMs, pathTo }) });
  if (patched('2026-11-22-tell-findings')) tellFindings(run, findings);
  const problem = blockedBy(run, findings, (what) =>
    failureInfo('preflight-blocked', `${what} ${id}`),
  );
  if (problem === undefined) tellAnswered(run, findings);
  return problem;
}

function tellFindings({ hop, line }: StepRun, findings: readonly Finding[]): void {
  const kept = findings.slice(0, maxSeenFindings);
  line.report({ kind: 'findings', hop, findings: kept, more: findings.length - kept.length });
}

/** Whose word it is that the hop begins all the same. Only where somebody gave one: no patch. */
function tellAnswered({ hop, line, acknowledgements }: StepRun, found: readonly Finding[]): void {
  for (const finding of judged(found, acknowledgements, Date.now()).filter(isAnsweredFor)) {
    if (finding.acknowledgement === undefined) continue;
    const key = findingKey(finding);
    const text = `${hop} goes on although ${key} blocks: ${standingText(finding.acknowledgement)}`;
    line.report({ kind: 'note', event: 'finding.accepted', text, finding: key });
  }
}
