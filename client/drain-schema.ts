// What an upgrade file may say of the drains of a pool: how pods leave a node.

import ms from 'ms';
import { z } from 'zod';

import { defaultSurgeAfterMs, drainRungs, surgeAfterMsOf } from '../domain/drain/drain-ladder';
import { formatDuration } from '../domain/durations';
import { alternativesText, expectedText } from '../domain/input-words';
import { parseLabelSelector } from '../domain/drain/label-selector';
import type { DrainPolicy, DrainRung } from '../domain/spec';
import { dnsLabelPattern, duration, expecting, toMs } from './spec-fields';

/**
 * What a field is when the file does not say it.
 * - `timeout`: half an hour, as AKS; then a person is asked, nothing is forced.
 * - `emptyDirData`: an emptyDir lives as long as its pod, and every managed service drains on
 *   that understanding. `unmanagedPods`: refused, because such a pod never comes back.
 * - `jobPods`: evicted; a Job begins again elsewhere, and many never end in time. `jobTimeout`:
 *   leaves the drain ten of its minutes for what comes after the Jobs.
 * - `ladder`: nothing is changed but what is drained, nothing is forced, and a person is asked.
 */
const drainDefaults = {
  timeout: '30m',
  emptyDirData: 'delete',
  unmanagedPods: 'refuse',
  jobPods: 'evict',
  jobTimeout: '20m',
  ladder: ['hold'],
} as const;

const namespaceName = 'the name of a namespace (at most 63 lower-case letters, digits and dashes)';

/** How pods leave a node, as people write it; toDrainPolicy gives the policy. */
export const drainSchema = z
  .strictObject(
    {
      timeout: duration(
        '1s',
        '7d',
        'How long the drain of one node may take before a person is asked.',
      ).prefault(drainDefaults.timeout),
      emptyDirData: z
        .enum(['delete', 'refuse'], expecting('delete or refuse'))
        .default(drainDefaults.emptyDirData)
        .meta({
          description: 'Whether pods with an emptyDir volume may leave, and lose its data.',
        }),
      unmanagedPods: z
        .enum(['evict', 'refuse'], expecting('evict or refuse'))
        .default(drainDefaults.unmanagedPods)
        .meta({
          description: 'Whether pods without a controller may leave; they never come back.',
        }),
      gracePeriodSeconds: z
        .int(expecting('whole seconds without a unit, such as 30'))
        .min(0, expecting('whole seconds from 0 to 86400'))
        .max(86_400, expecting('whole seconds from 0 to 86400'))
        .optional()
        .meta({ description: "Overrides each pod's own grace period." }),
      podSelector: z
        .string(expecting('a label selector such as "app=web,tier!=db"'))
        .superRefine((text, context) => {
          for (const message of selectorMistakes(text)) {
            context.addIssue({ code: 'custom', message });
          }
        })
        .optional()
        .meta({
          description: 'Label selector as kubectl takes it. Pods that it does not select stay.',
          examples: ['app=web,tier!=db', 'env in (a,b),!legacy'],
        }),
      jobPods: z
        .enum(['evict', 'wait'], expecting('evict or wait'))
        .default(drainDefaults.jobPods)
        .meta({
          description: 'Whether running pods of Jobs are evicted, or may finish for jobTimeout.',
        }),
      jobTimeout: duration(
        '1s',
        '7d',
        "How long Jobs may take from the drain's start until their pods are evicted; shorter than" +
          ` timeout. With jobPods: wait, ${drainDefaults.jobTimeout} if not said.`,
      ).optional(),
      namespaces: z
        .record(
          z.string().regex(dnsLabelPattern),
          z.enum(['skip', 'wait', 'hold'], expecting('skip, wait or hold')),
          { error: namespacesText },
        )
        .optional()
        .meta({
          description:
            'What happens to the pods of a namespace in place of their eviction. skip: they stay.' +
            ' wait: they leave by themselves. hold: they forbid the drain. The annotation' +
            ' ascent.dev/drain of a pod wins over it.',
        }),
      ladder: z
        .array(
          z.enum(drainRungs, expecting(alternativesText(drainRungs))),
          expecting('a list such as [surge, hold]'),
        )
        .optional()
        .meta({
          description:
            'What is done about pods that their budgets keep. surge: a Deployment whose budget' +
            ' never lets a pod leave gets a temporary replica. It ends with hold (a person is' +
            ' asked) or quarantine (the node is set aside, the pool goes on).' +
            ` [${drainDefaults.ladder.join(', ')}] if not said.`,
          examples: [['surge', 'hold'], ['quarantine']],
        }),
      surgeAfter: duration(
        '1s',
        '7d',
        'How long a budget keeps a pod before its Deployment is raised; shorter than timeout.' +
          ` With surge in the ladder, ${ms(defaultSurgeAfterMs)} if not said.`,
      ).optional(),
    },
    expecting('a mapping'),
  )
  .superRefine(({ timeout, jobPods, jobTimeout }, context) => {
    const message = jobMistake({ timeout, jobPods, jobTimeout });
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['jobTimeout'], message });
  })
  .superRefine(({ timeout, ladder, surgeAfter }, context) => {
    const message = surgeMistake({ timeout, ladder, surgeAfter });
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['surgeAfter'], message });
  })
  .meta({ description: 'How pods leave a node.' });

function selectorMistakes(text: string): readonly string[] {
  if (text.trim() === '') return ['is empty - leave it out for every pod'];
  const selector = parseLabelSelector(text);
  return selector.kind === 'parsed' ? [] : selector.mistakes;
}

function namespacesText({ code, input }: { readonly code: string; readonly input?: unknown }) {
  return code === 'invalid_key' ? `expected ${namespaceName}` : expectedText('a mapping', input);
}

interface JobChoices {
  readonly timeout: number;
  readonly jobPods: 'evict' | 'wait';
  readonly jobTimeout?: number | undefined;
}

function jobTimeoutOf({ jobTimeout }: Pick<JobChoices, 'jobTimeout'>): number {
  return jobTimeout ?? toMs(drainDefaults.jobTimeout);
}

/** A time that never begins, or never ends before a person is asked, is not what somebody meant. */
function jobMistake(choices: JobChoices): string | undefined {
  if (choices.jobPods === 'evict') {
    return choices.jobTimeout === undefined
      ? undefined
      : 'is for jobPods: wait only - set jobPods to wait, or leave jobTimeout out';
  }
  if (jobTimeoutOf(choices) < choices.timeout) return undefined;
  const said = formatDuration(jobTimeoutOf(choices));
  return (
    `${said} is not shorter than the drain's timeout of ${formatDuration(choices.timeout)}, so` +
    ' Jobs would be waited for until the drain gives up - raise timeout, or set a shorter' +
    ' jobTimeout'
  );
}

interface SurgeChoices {
  readonly timeout: number;
  readonly ladder?: readonly DrainRung[] | undefined;
  readonly surgeAfter?: number | undefined;
}

/** As with Jobs: a rung that is never come to. */
function surgeMistake({ timeout, ladder, surgeAfter }: SurgeChoices): string | undefined {
  const afterMs = surgeAfterMsOf({ ladder, surgeAfterMs: surgeAfter });
  if (afterMs === undefined) {
    return surgeAfter === undefined
      ? undefined
      : 'is for a ladder with surge only - add surge to the ladder, or leave surgeAfter out';
  }
  if (afterMs < timeout) return undefined;
  return (
    `${formatDuration(afterMs)} is not shorter than the drain's timeout of` +
    ` ${formatDuration(timeout)}, so nothing would be raised - raise timeout, or set a shorter` +
    ' surgeAfter'
  );
}

/** From what the schema parsed to what planner and workflows read. */
export function toDrainPolicy(parsed: z.output<typeof drainSchema>): DrainPolicy {
  const { timeout, emptyDirData, unmanagedPods, ...optional } = parsed;
  const { gracePeriodSeconds, podSelector, jobPods, namespaces, ladder, surgeAfter } = optional;
  return {
    timeoutMs: timeout,
    emptyDirData,
    unmanagedPods,
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(podSelector === undefined ? {} : { podSelector }),
    ...(jobPods === 'evict' ? {} : { jobTimeoutMs: jobTimeoutOf(optional) }),
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(ladder === undefined ? {} : { ladder }),
    ...(surgeAfter === undefined ? {} : { surgeAfterMs: surgeAfter }),
  };
}
