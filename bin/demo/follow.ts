// Follows the demo's upgrade and answers its approval gates: by itself, by asking, or not at all.

import type { AscentClient } from '../../client';
import type { Gate } from '../../domain/status/control';
import type { UpgradeProgress, UpgradeResult } from '../../domain/status/progress';
import { gateSentence } from '../../domain/status/sentences';
import { messageOf } from '../../lab/lab-error';
import type { Ground } from './ground';

/** True approves, false rejects. The signal ends the question when somebody else has answered. */
export type ApprovalQuestion = (gate: Gate, signal: AbortSignal) => Promise<boolean>;

export interface FollowOptions {
  /** Approves every hop without asking. */
  readonly yes?: boolean;
  /** Gates other than approvals are waited at, too. */
  readonly keep?: boolean;
  /** Ctrl-C. */
  readonly signal?: AbortSignal;
}

/** Where the upgrade is shown. */
export interface FollowScreen {
  line(text: string): void;
  /** Draws where the upgrade stands; called about once a second. */
  frame(progress: UpgradeProgress, ground: Ground): void;
  /** Absent: nobody can be asked, and the CLI's `approve` is waited for. */
  readonly ask?: ApprovalQuestion;
}

interface Following {
  readonly options: FollowOptions;
  readonly screen: FollowScreen;
}

/** The demo wants no hands but for approvals: any other gate that opens without --keep ends it. */
function assertNoTrouble(progress: UpgradeProgress, keep: boolean): void {
  const trouble = progress.status.gates.find(({ kind }) => kind !== 'approval');
  if (trouble === undefined || keep) return;
  throw new Error(`the upgrade waits for a person: ${gateSentence(trouble)}`);
}

async function answer(
  client: AscentClient,
  ground: Ground,
  gate: Gate,
  progress: UpgradeProgress,
  isApproved: boolean,
): Promise<void> {
  const { planDigest } = progress.status;
  if (planDigest === undefined) return;
  const request = {
    gate: gate.id,
    planDigest,
    actor: 'demo',
    reason: isApproved ? 'the hop before it went well' : 'asked to stop at the prompt',
    requestId: `demo/${gate.id}/${planDigest.slice(0, 12)}/${gate.sinceMs}`,
  };
  if (isApproved) await client.approve(ground.cluster, request);
  else await client.reject(ground.cluster, request);
}

/** Resolves with the upgrade's result. Throws when it waits for what a demo cannot answer. */
export async function followUpgrade(
  client: AscentClient,
  ground: Ground,
  { options, screen }: Following,
): Promise<UpgradeResult> {
  const asked = new Map<string, AbortController>();
  const watching = options.signal === undefined ? {} : { signal: options.signal };
  const progresses = client.watch(ground.cluster, { intervalMs: 500, ...watching });
  for (;;) {
    const next = await progresses.next();
    if (next.done === true) {
      if (next.value === undefined) throw new Error('the demo was interrupted');
      return next.value;
    }
    const progress = next.value;
    screen.frame(progress, ground);
    assertNoTrouble(progress, options.keep === true);
    for (const gate of progress.status.gates) {
      const key = `${gate.id}@${gate.sinceMs}`;
      if (gate.kind !== 'approval' || asked.has(key)) continue;
      const question = new AbortController();
      asked.set(key, question);
      if (options.yes === true) {
        await answer(client, ground, gate, progress, true);
      } else if (screen.ask !== undefined) {
        void screen
          .ask(gate, question.signal)
          .then((isApproved) => answer(client, ground, gate, progress, isApproved))
          .catch((error: unknown) => {
            const isOver = question.signal.aborted || options.signal?.aborted === true;
            if (!isOver) screen.line(messageOf(error));
          });
      }
    }
    const open = new Set(progress.status.gates.map((gate) => `${gate.id}@${gate.sinceMs}`));
    for (const [key, question] of asked) if (!open.has(key)) question.abort();
  }
}
