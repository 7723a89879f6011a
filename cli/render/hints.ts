// The command lines that answer what an upgrade waits for, ready to be copied.

import type { CommandName, Gate } from '../../domain/status/control';
import { answersOf } from '../../domain/status/gates';
import type { UpgradeStatus } from '../../domain/status/progress';

/** Enough of a digest to be told apart; the CLI completes it. */
const digestPrefixLength = 12;

export interface HintContext {
  /** What the executable is called in front of people: `ascent`, or a path with flags. */
  readonly program: string;
  readonly cluster: string;
}

type HintStatus = Pick<UpgradeStatus, 'planDigest' | 'rollBackTo'>;

/** One command line for each way to settle the gate. */
export function gateHints(gate: Gate, status: HintStatus, context: HintContext): readonly string[] {
  const canRollBack = gate.kind === 'approval' && status.rollBackTo !== undefined;
  const commands: readonly CommandName[] = canRollBack
    ? [...answersOf(gate), 'rollBack']
    : answersOf(gate);
  return commands.flatMap((command) => {
    const words = wordsAfterCluster(command, gate, status);
    if (words === undefined) return [];
    return [[context.program, verbs[command], context.cluster, ...words].join(' ')];
  });
}

/** What follows the cluster; undefined when the command is not to be had now. */
function wordsAfterCluster(
  command: CommandName,
  gate: Gate,
  { planDigest, rollBackTo }: HintStatus,
): readonly string[] | undefined {
  switch (command) {
    case 'approve':
    case 'reject':
      return [quoted(gate.id), '--digest', digestPrefix(planDigest)];
    case 'rollBack':
      return rollBackTo === undefined ? undefined : [rollBackTo.hop];
    case 'retryNode':
    case 'skipNode':
    case 'quarantineNode':
      return nodeWords(gate);
    case 'pause':
    case 'resume':
      return [];
    case 'forcePods':
    case 'setPool':
      return undefined;
  }
}

function nodeWords(gate: Gate): readonly string[] | undefined {
  return gate.kind === 'node' ? [gate.node] : undefined;
}

function digestPrefix(digest: string | undefined): string {
  return digest?.slice(0, digestPrefixLength) ?? 'DIGEST';
}

const verbs = {
  pause: 'pause',
  resume: 'resume',
  approve: 'approve',
  reject: 'reject',
  rollBack: 'rollback',
  retryNode: 'retry-node',
  skipNode: 'skip-node',
  quarantineNode: 'quarantine-node',
  forcePods: 'force',
  setPool: 'set',
} as const satisfies Record<CommandName, string>;

/** Ids of steps hold a space: `hop-1.29/api-server cp-1`. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text}'`;
}
