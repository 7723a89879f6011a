// `force`: the last rung of the drain's ladder, taken by a named person for single pods.

import type { Command } from 'commander';

import { podText } from '../../domain/blocker-sentences';
import { type ForcedPod, judgeForce, type PodAsked } from '../../domain/drain/force';
import { usageError } from '../cli-error';
import type { UpgradeClient } from '../context';
import { collect } from '../globals';
import { assertUsable } from '../node-commands';
import type { CommandRun, Invocation } from '../session';
import type { AnswerOptions } from './answers';
import { addAnswer, clusterArgument, lastIsObject, requestOf, say } from './answers';

interface ForceOptions extends AnswerOptions {
  readonly pod?: readonly string[];
  readonly yes?: boolean;
}

export function addForce(program: Command, run: CommandRun): void {
  const command = addAnswer(program, {
    name: 'force',
    summary: 'remove pods that keep a held node',
    description:
      'Drains a held node again and removes the pods that are named, past their disruption' +
      ' budgets. Only pods that the drain has named as its blockers, only with a reason; who' +
      ' asked, why, and each pod stand in the audit trail. A pod that runs is deleted with its' +
      ' own grace period; one that outlasts it is taken out of the API although nobody confirms' +
      ' that it has ended. Everything else of the drain stays as it is.',
    examples: [
      ["force prod worker-3 --pod shop/web-0 -r 'budget owner agreed'", 'says what it means, asks'],
      ["force prod worker-3 --pod db/db-0 -r 'machine is off' --yes", 'without asking'],
    ],
  })
    .usage('[options] [cluster] <node>')
    .argument('<cluster>', clusterArgument)
    .argument('[node]', 'name of the node')
    .option('--pod <namespace/name>', 'a pod to remove; may be given several times', collect)
    .option('-y, --yes', 'do not ask');
  run.bind<ForceOptions>(command, (given) => {
    const { invocation, object: node } = lastIsObject(given);
    const { pods, problems } = readPods(invocation.options);
    assertUsable(problems, 'force');
    return say(invocation, async (client, cluster) => {
      const asked = await agreedPods(invocation, { client, cluster, node, pods });
      if (asked === undefined) return undefined;
      return client.forcePods(cluster, { ...requestOf(invocation), node, pods: asked });
    });
  });
}

/** Every problem at once. */
function readPods({ pod: texts = [], reason = '' }: ForceOptions): {
  readonly pods: readonly PodAsked[];
  readonly problems: readonly string[];
} {
  const read = texts.map((text) => ({
    text,
    match: /^(?<namespace>[a-z0-9-]+)\/(?<name>[a-z0-9.-]+)$/.exec(text)?.groups,
  }));
  return {
    pods: read.flatMap(({ match }) => {
      const { namespace, name } = match ?? {};
      return namespace === undefined || name === undefined ? [] : [{ namespace, name }];
    }),
    problems: [
      ...(texts.length === 0 ? ['--pod is missing: name each pod as NAMESPACE/NAME'] : []),
      ...read.flatMap(({ text, match }) =>
        match === undefined ? [`--pod: expected NAMESPACE/NAME, got "${text}"`] : [],
      ),
      ...(reason.trim() === '' ? ['--reason is missing: it stands in the audit trail'] : []),
    ],
  };
}

interface Forcing {
  readonly client: UpgradeClient;
  readonly cluster: string;
  readonly node: string;
  readonly pods: readonly PodAsked[];
}

/**
 * The very pods that a person has agreed to; undefined when that person said no. What cannot be
 * forced goes as it is, and the upgrade refuses it with its reasons.
 */
async function agreedPods(
  { context, options }: Invocation<ForceOptions>,
  { client, cluster, node, pods }: Forcing,
): Promise<readonly PodAsked[] | undefined> {
  const { gates } = await client.status(cluster);
  const gate = gates.find((one) => one.kind === 'node' && one.node === node);
  if (gate?.kind !== 'node') return pods;
  const judged = judgeForce({ blockers: gate.blockers, pods: gate.pods ?? [] }, pods);
  if (judged.kind === 'refused') return pods;
  const exact = judged.pods.map(({ namespace, name, uid }) => ({ namespace, name, uid }));
  if (options.yes === true) return exact;
  if (context.confirm === undefined || options.output === 'json') {
    const meant = judged.pods.map(forcedMeaning).join('; ');
    throw usageError('nobody can be asked here', `give --yes: ${meant}`);
  }
  const lines = judged.pods.map((pod) => `  ${forcedMeaning(pod)}`);
  const question = `Force these pods of node ${node}?`;
  if (await context.confirm(`${lines.join('\n')}\n${question}`)) return exact;
  context.stderr.write('nothing was forced\n');
  return undefined;
}

function forcedMeaning(pod: ForcedPod): string {
  return `${podText(pod)} ${meaning[pod.by]}`;
}

/** What a forced deletion means for what runs in the pod. */
const meaning = {
  delete:
    'is deleted past its disruption budget, with its own grace period:' +
    ' what it serves may be down until it is replaced',
  remove:
    'is taken out of the API although nobody confirms that it has ended: if it still runs, its' +
    ' replacement runs beside it (of a StatefulSet, two pods of one name on one volume)',
} as const satisfies Record<ForcedPod['by'], string>;
