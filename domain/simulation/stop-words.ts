// Words for what keeps pods on a node that is to be drained.

import type { Words } from '../words';
import { say } from '../words';
import type { NodeStop } from './windows';

/** `shop/web-1: …`. */
export function stopText(stop: NodeStop): string {
  return `${stop.pod.namespace}/${stop.pod.name}: ${say(words, stop)}`;
}

const words: Words<NodeStop> = {
  'budgets-overlap': ({ budgets }) =>
    `budgets ${budgets.map(({ name }) => name).join(' and ')} select it, and the Eviction API` +
    ' refuses such a pod for ever',
  'budget-sync-failed': ({ budget }) => `budget ${budget.name} cannot be reckoned (SyncFailed)`,
  'budget-unobserved': ({ budget }) => `budget ${budget.name} was not looked at since its change`,
  'budget-never': ({ budget }) => `budget ${budget.name} lets none of its pods leave, ever`,
  'budget-exhausted': ({ budget }) =>
    `budget ${budget.name} lets none leave until more of its pods are healthy`,
  'pod-unmanaged': () => 'nobody makes it again when it has left',
  'pod-emptydir': () => 'it would lose the content of an emptyDir',
  'daemonset-missing': () => 'its DaemonSet is gone: nobody makes it again',
  'pod-held': () => 'somebody has it held',
  'drain-annotation-unreadable': () => 'what its annotation ascent.dev/drain says is not known',
};
