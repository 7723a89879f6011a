// Refusals of the Eviction API, word for word as kube-apiserver 1.28.15 gave them (the one of flow
// control: apiserver pkg/server/filters/priority-and-fairness.go; 1.28 to 1.30 say the same).

import type { EvictionAnswer } from '../../../../activities/ports';
import type { CannedAnswer } from './canned-server';

interface StatusFields {
  readonly code: number;
  readonly message: string;
  readonly reason?: string;
  readonly details?: object;
}

export function statusBody({ code, message, reason, details }: StatusFields): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

const violation = "Cannot evict pod as it would violate the pod's disruption budget.";
const overlap =
  'This pod has more than one PodDisruptionBudget,' +
  ' which the eviction subresource does not support.';
const webhook =
  'failed calling webhook "w.example.com": failed to call webhook:' +
  ' Post "https://127.0.0.1:1/x?timeout=2s": dial tcp 127.0.0.1:1: connect: connection refused';
const terminating =
  'pods "web-1" is forbidden: unable to create new content in namespace shop' +
  ' because it is being terminated';
const rbac =
  'pods "web-1" is forbidden: User "stranger" cannot create resource "pods/eviction"' +
  ' in API group "" in the namespace "shop"';
/** controller-runtime admission.Denied, as apiserver plugin/webhook hands it on. */
const denial = 'admission webhook "guard.example.com" denied the request: the volume is rebuilding';
const tooManyDisrupted =
  'poddisruptionbudget.policy "web" is forbidden: DisruptedPods map too big' +
  ' - too many evictions not confirmed by PDB controller';

interface Refusal {
  readonly name: string;
  readonly reply: CannedAnswer;
  readonly answer: EvictionAnswer;
}

export const evictionRefusals: readonly Refusal[] = [
  {
    name: 'a budget that allows none',
    reply: {
      status: 429,
      body: statusBody({
        code: 429,
        message: violation,
        reason: 'TooManyRequests',
        details: {
          causes: [
            {
              reason: 'DisruptionBudget',
              message: 'The disruption budget web needs 2 healthy pods and has 2 currently',
            },
          ],
        },
      }),
    },
    answer: {
      kind: 'budget',
      budget: { namespace: 'shop', name: 'web' },
      message: 'The disruption budget web needs 2 healthy pods and has 2 currently',
    },
  },
  {
    name: 'a budget of another wording, which then is not named',
    reply: {
      status: 429,
      body: statusBody({
        code: 429,
        message: violation,
        reason: 'TooManyRequests',
        details: { causes: [{ reason: 'DisruptionBudget', message: 'Too few replicas' }] },
      }),
    },
    answer: { kind: 'budget', message: 'Too few replicas' },
  },
  {
    name: 'a budget whose status lags behind',
    reply: {
      status: 429,
      headers: { 'retry-after': '10' },
      body: statusBody({
        code: 429,
        message: violation,
        reason: 'TooManyRequests',
        details: {
          causes: [
            {
              reason: 'DisruptionBudget',
              message: 'The disruption budget web is still being processed by the server.',
            },
          ],
          retryAfterSeconds: 10,
        },
      }),
    },
    answer: {
      kind: 'budget-not-observed',
      message: 'The disruption budget web is still being processed by the server.',
      retryAfterSeconds: 10,
    },
  },
  {
    name: 'flow control',
    reply: {
      status: 429,
      headers: { 'retry-after': '7' },
      body: 'Too many requests, please try again later.\n',
    },
    answer: { kind: 'throttled', retryAfterSeconds: 7 },
  },
  {
    name: 'flow control that does not say how long',
    reply: { status: 429, body: 'Too many requests, please try again later.\n' },
    answer: { kind: 'throttled', retryAfterSeconds: 1 },
  },
  {
    name: 'two budgets over one pod',
    reply: { status: 500, body: statusBody({ code: 500, message: overlap }) },
    answer: { kind: 'budgets-overlap', message: overlap },
  },
  {
    name: 'a webhook that cannot be called',
    reply: {
      status: 500,
      body: statusBody({
        code: 500,
        message: `Internal error occurred: ${webhook}`,
        reason: 'InternalError',
        details: { causes: [{ message: webhook }] },
      }),
    },
    answer: { kind: 'failed', message: `Internal error occurred: ${webhook}` },
  },
  {
    name: 'a namespace that is being deleted',
    reply: {
      status: 403,
      body: statusBody({
        code: 403,
        message: terminating,
        reason: 'Forbidden',
        details: {
          name: 'web-1',
          kind: 'pods',
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: 'namespace shop is being terminated',
              field: 'metadata.namespace',
            },
          ],
        },
      }),
    },
    answer: { kind: 'namespace-terminating' },
  },
  {
    name: 'missing rights',
    reply: {
      status: 403,
      body: statusBody({
        code: 403,
        message: rbac,
        reason: 'Forbidden',
        details: { name: 'web-1', kind: 'pods' },
      }),
    },
    answer: { kind: 'forbidden', message: rbac },
  },
  {
    name: 'a webhook that denies it for now',
    reply: {
      status: 403,
      body: statusBody({ code: 403, message: denial, reason: 'Forbidden' }),
    },
    answer: { kind: 'failed', message: denial },
  },
  {
    name: 'a budget that cannot be reckoned with',
    reply: {
      status: 403,
      body: statusBody({
        code: 403,
        message: tooManyDisrupted,
        reason: 'Forbidden',
        details: { name: 'web', group: 'policy', kind: 'poddisruptionbudget' },
      }),
    },
    answer: { kind: 'forbidden', by: 'budget', message: tooManyDisrupted },
  },
  {
    name: 'a pod that is gone',
    reply: {
      status: 404,
      body: statusBody({
        code: 404,
        message: 'pods "web-1" not found',
        reason: 'NotFound',
        details: { name: 'web-1', kind: 'pods' },
      }),
    },
    answer: { kind: 'gone' },
  },
  {
    name: 'a proxy that knows no such path',
    reply: { status: 404, body: '404 page not found\n' },
    answer: { kind: 'failed', message: '404 page not found' },
  },
  {
    name: 'retries on the budget that ran out',
    reply: {
      status: 504,
      body: statusBody({
        code: 504,
        message: 'Timeout: couldn\'t update PodDisruptionBudget "web" due to conflicts',
        reason: 'Timeout',
        details: {},
      }),
    },
    answer: {
      kind: 'failed',
      message: 'Timeout: couldn\'t update PodDisruptionBudget "web" due to conflicts (HTTP 504)',
    },
  },
];
