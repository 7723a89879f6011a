// Whether a node that a drain could not empty is set aside by the policy of its pool, without
// asking anybody (domain/drain/quarantine.ts).

import { condition, setHandler, workflowInfo } from '@temporalio/workflow';

import type { FailureInfo } from '../domain/failures';
import { sparesBudgets } from '../domain/drain/quarantine';
import { drainProgressIn } from './activity-failures';
import { asideAnswerSignal, asideQuestionSignal } from './family-messages';
import type { NodeTurn } from './node-turn';

/** At the deadline of its drain, where the policy allows it; the pool counts the others. */
export async function isSetAside(
  { input, line }: NodeTurn,
  { failure, error }: { readonly failure: FailureInfo; readonly error: unknown },
): Promise<boolean> {
  // Of a drain that said nothing, nothing is known about budgets either.
  const progress = drainProgressIn(error);
  if (progress === undefined || !sparesBudgets(progress.blockers)) return false;
  let answer: boolean | undefined;
  setHandler(asideAnswerSignal, (isGranted) => {
    answer = isGranted;
  });
  const { workflowId } = workflowInfo();
  const { name: node } = input.change;
  const question = { node, workflowId, why: failure.message };
  line.send(input.poolWorkflowId, asideQuestionSignal, question);
  await condition(() => answer !== undefined);
  return answer === true;
}
