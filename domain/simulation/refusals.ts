// Why a node does not take a pod, in the scheduler's terms, and what would change that.

import type { Words } from '../words';
import { say } from '../words';
import type { HostPort, Taint } from './evidence';

/** Amounts as in evidence. */
export interface Shortage {
  readonly resource: string;
  readonly requested: number;
  readonly free: number;
}

/** The first filter that refuses; the scheduler tells all resources that are short at once. */
export type NodeRefusal =
  | { readonly code: 'unschedulable' }
  | { readonly code: 'taint'; readonly taint: Taint }
  | { readonly code: 'node-affinity' }
  | { readonly code: 'host-port'; readonly port: HostPort }
  | { readonly code: 'resources'; readonly short: readonly Shortage[] }
  | { readonly code: 'volume-affinity'; readonly claim: string }
  | { readonly code: 'volume-zone'; readonly claim: string }
  | { readonly code: 'spread-label'; readonly topologyKey: string }
  | { readonly code: 'spread'; readonly topologyKey: string; readonly maxSkew: number }
  | { readonly code: 'affinity'; readonly topologyKey: string }
  | { readonly code: 'anti-affinity'; readonly topologyKey: string }
  | { readonly code: 'others-anti-affinity'; readonly topologyKey: string };

/** Why no node can take it, whatever is on them. */
export type PodRefusal =
  | { readonly code: 'claim-missing'; readonly claim: string }
  | { readonly code: 'claim-unbound'; readonly claim: string };

export type Refusal = NodeRefusal | PodRefusal;

/** In the order of the scheduler's filters: what comes later was nearer. */
export const refusalOrder = [
  'claim-missing',
  'claim-unbound',
  'unschedulable',
  'taint',
  'node-affinity',
  'host-port',
  'resources',
  'volume-affinity',
  'volume-zone',
  'spread-label',
  'spread',
  'affinity',
  'anti-affinity',
  'others-anti-affinity',
] as const satisfies readonly Refusal['code'][];

/** Whether pods that leave the node could change it (Unschedulable, not Unresolvable). */
export function isResolvable({ code }: NodeRefusal): boolean {
  return resolvable.has(code);
}

const resolvable: ReadonlySet<NodeRefusal['code']> = new Set([
  'host-port',
  'resources',
  'spread',
  'anti-affinity',
  'others-anti-affinity',
]);

/** Of two refusals in the same words, with what is free on either node. */
export function mostFree(a: NodeRefusal, b: NodeRefusal): NodeRefusal {
  if (a.code !== 'resources' || b.code !== 'resources') return a;
  const short = a.short.map((one): Shortage => {
    const others = b.short.filter(({ resource }) => resource === one.resource);
    return { ...one, free: Math.max(one.free, ...others.map(({ free }) => free)) };
  });
  return { code: 'resources', short };
}

/** As `FailedScheduling` events have it. */
export function schedulerWords(refusal: Refusal): string {
  return say(words, refusal);
}

const words: Words<Refusal> = {
  'claim-missing': ({ claim }) => `persistentvolumeclaim "${claim}" not found`,
  'claim-unbound': () => 'pod has unbound immediate PersistentVolumeClaims',
  unschedulable: () => 'node(s) were unschedulable',
  taint: ({ taint }) => `node(s) had untolerated taint {${taint.key}: ${taint.value}}`,
  'node-affinity': () => "node(s) didn't match Pod's node affinity/selector",
  'host-port': () => "node(s) didn't have free ports for the requested pod ports",
  resources: ({ short }) =>
    short
      .map(({ resource }) => (resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`))
      .join(', '),
  'volume-affinity': () => 'node(s) had volume node affinity conflict',
  'volume-zone': () => 'node(s) had no available volume zone',
  'spread-label': () =>
    "node(s) didn't match pod topology spread constraints (missing required label)",
  spread: () => "node(s) didn't match pod topology spread constraints",
  affinity: () => "node(s) didn't match pod affinity rules",
  'anti-affinity': () => "node(s) didn't match pod anti-affinity rules",
  'others-anti-affinity': () => "node(s) didn't satisfy existing pods anti-affinity rules",
};

/** What would let the pod be on such a node, as an instruction. */
export function unblockedBy(refusal: Refusal): string {
  return say(remedies, refusal);
}

const remedies: Words<Refusal> = {
  'claim-missing': ({ claim }) => `make the PersistentVolumeClaim ${claim}, or take it away`,
  'claim-unbound': ({ claim }) => `see why the PersistentVolumeClaim ${claim} is not bound`,
  unschedulable: () => 'uncordon a node that it may run on',
  taint: ({ taint }) =>
    `tolerate ${taintText(taint)}, take it from a node, or add a node without it`,
  'node-affinity': () => 'label a node as it selects, or select more nodes',
  'host-port': ({ port }) =>
    `add a node where ${port.protocol} port ${port.port} is free, or give up the host port`,
  resources: ({ short }) => `add room: ${short.map(shortageText).join(', ')}`,
  'volume-affinity': ({ claim }) => `add a node that reaches the volume of ${claim}`,
  'volume-zone': ({ claim }) => `add room in the zone of the volume of ${claim}`,
  'spread-label': ({ topologyKey }) => `label the nodes with ${topologyKey}`,
  spread: ({ topologyKey, maxSkew }) =>
    `add room in the ${topologyKey} that has fewest of its pods, or allow a skew over ${maxSkew}`,
  affinity: ({ topologyKey }) =>
    `add room in the ${topologyKey} of the pods that it wants to be with`,
  'anti-affinity': ({ topologyKey }) =>
    `add a node in a ${topologyKey} without the pods that it keeps away from`,
  'others-anti-affinity': ({ topologyKey }) =>
    `add a node in a ${topologyKey} without the pods that keep away from it`,
};

function taintText({ key, value, effect }: Taint): string {
  return `${value === '' ? key : `${key}=${value}`}:${effect}`;
}

const mebibyte = 1_048_576;
const measured = new Set(['memory', 'ephemeral-storage']);

/** `cpu: 500 m requested, 200 m free at most`. */
export function shortageText({ resource, requested, free }: Shortage): string {
  if (resource === 'pods') return 'pods: no node may have one more';
  const [asked, left] = [requested, free].map((amount) => amountText(resource, amount));
  return `${resource}: ${asked} requested, ${left} free at most`;
}

function amountText(resource: string, amount: number): string {
  if (resource === 'cpu') return `${amount} m`;
  return measured.has(resource) ? `${Math.floor(amount / mebibyte)} MiB` : String(amount);
}
