// The command lines that answer what an upgrade waits for, ready to be copied.

import type { CommandName, Gate } from '../../domain/status/control';
import { answersOf } from '../../domain/status/gates';
import { whyNeverAcknowledged } from '../../domain/preflight/acknowledgeable';
import { evidenceDigest, findingKey } from '../../domain/preflight/identity';
import { isBlocking } from '../../domain/preflight/judgement';
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
  const answers = commands.flatMap((command) => {
    const words = wordsAfterCluster[command](gate, status);
    if (words === undefined) return [];
    return [[context.program, verbs[command], context.cluster, ...words].join(' ')];
  });
  return [...answers, ...acknowledgeHints(gate, context)];
}

/** Findings that are offered to be acknowledged, of many; one is answered after the other. */
const hintedFindings = 3;

/** None where something blocks that nobody can answer for: the others alone would not help. */
function acknowledgeHints(gate: Gate, { program, cluster }: HintContext): readonly string[] {
  const blocking = gate.kind === 'step' ? gate.findings.filter(isBlocking) : [];
  if (blocking.some(({ code }) => whyNeverAcknowledged(code) !== undefined)) return [];
  return blocking.slice(0, hintedFindings).map((finding) => {
    const digest = digestPrefix(evidenceDigest(finding));
    const words = [quoted(findingKey(finding)), '--digest', digest, '--until', '7d', '-r', 'WHY'];
    return [program, verbs.acknowledge, cluster, ...words].join(' ');
  });
}

type Words = (gate: Gate, status: HintStatus) => readonly string[] | undefined;

const answerWords: Words = ({ id }, { planDigest }) => [
  quoted(id),
  '--digest',
  digestPrefix(planDigest),
];

/** What follows the cluster; undefined when the command is not to be had now. */
const wordsAfterCluster: Readonly<Record<CommandName, Words>> = {
  approve: answerWords,
  reject: answerWords,
  rollBack: (_, { rollBackTo }) => (rollBackTo === undefined ? undefined : [rollBackTo.hop]),
  retryNode: nodeWords,
  skipNode: nodeWords,
  quarantineNode: nodeWords,
  pause: () => [],
  resume: () => [],
  forcePods: () => undefined,
  setPool: () => undefined,
  acknowledge: () => undefined,
  revokeAcknowledgement: () => undefined,
};

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
  acknowledge: 'acknowledge',
  revokeAcknowledgement: 'acknowledge',
} as const satisfies Record<CommandName, string>;

/** Ids of steps hold a space: `hop-1.29/api-server cp-1`. */
function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text}'`;
}
