// The nodes of a pool that its policy has set aside (quarantine.ts): who asks to be, how
// many are at once, and what becomes of those that are left when the pool ends.
// A1. A node asks, the pool answers: only the pool knows how many others are set aside.
// A2. A pool that ends early lets them serve again: nobody comes back to them.

import { condition, setHandler } from '@temporalio/workflow';

import type { ClusterName, NodeName } from '../domain/names';
import type { NodeChange } from '../domain/plan/plan';
import type { NodeOutcome, PoolStatus } from '../domain/status/progress';
import type { SetAsideNode } from '../domain/drain/quarantine';
import { activity, cleanupMs } from './activity-options';
import { type AsideQuestion, asideAnswerSignal, asideQuestionSignal } from './family-messages';
import type { Line } from './line';
import { type NodeReturn, tellCordonKept } from './node-turn';

/** A node that came back, to be taken again. */
interface ReturnedNode {
  readonly change: NodeChange;
  readonly earlier: NodeReturn;
}

/** Where the pool stands; it changes meanwhile. */
interface PoolStand {
  readonly isClosed: boolean;
  /** Nodes that have begun and were not taken back. */
  readonly begun: number;
  readonly returned: readonly ReturnedNode[];
  readonly input: { readonly step: { readonly nodes: readonly NodeChange[] } };
}

/** Whether there are nodes to go on with. */
function hasOthers({ begun, returned, input }: PoolStand): boolean {
  return input.step.nodes.length - begun - returned.length > 0;
}

export class Aside {
  readonly #line: Line;
  readonly #most: number;
  readonly #questions: AsideQuestion[] = [];
  readonly #nodes = new Map<NodeName, SetAsideNode>();

  /** `most`: set aside at once; 0 when none may be. Its handler is registered at once. */
  constructor(line: Line, most: number) {
    this.#line = line;
    this.#most = most;
    if (!this.isAllowed) return;
    setHandler(asideQuestionSignal, (question: Partial<AsideQuestion> | undefined) => {
      const { node, workflowId, why } = question ?? {};
      if (node === undefined || workflowId === undefined || why === undefined) return;
      this.#questions.push({ node, workflowId, why });
    });
  }

  get isAllowed(): boolean {
    return this.#most > 0;
  }

  /** A1. Ends when the pool is closed; call it in a scope that cannot be cancelled. */
  async answer(pool: PoolStand): Promise<void> {
    for (;;) {
      await condition(() => pool.isClosed || this.#questions.length > 0);
      const question = this.#questions.shift();
      if (question === undefined) return;
      const { node, workflowId, why } = question;
      const isGranted = this.#nodes.size < this.#most && hasOthers(pool);
      if (isGranted) this.#nodes.set(node, { node, sinceMs: Date.now(), why });
      this.#line.send(workflowId, asideAnswerSignal, isGranted);
    }
  }

  /** The node has its turn again. */
  takeAgain(node: NodeName): void {
    if (!this.#nodes.delete(node)) return;
    const text = `node ${node} was set aside and is taken again`;
    this.#line.report({ kind: 'note', event: 'node.taken-again', text, node });
  }

  status(): Pick<PoolStatus, 'setAside'> {
    return this.#nodes.size === 0 ? {} : { setAside: [...this.#nodes.values()] };
  }

  /** A2. What came of those that are not taken again. */
  async serveAgain(
    cluster: ClusterName,
    returned: readonly ReturnedNode[],
  ): Promise<readonly NodeOutcome[]> {
    const left = returned.filter(({ earlier }) => earlier.why === 'quarantined');
    return Promise.all(
      left.map(async ({ change: { name, from }, earlier }): Promise<NodeOutcome> => {
        const isServing = await this.#uncordon(cluster, name);
        const { evicted, refusals, seconds } = earlier;
        const outcome = isServing ? 'undone' : 'quarantined';
        return { node: name, outcome, before: from, after: from, evicted, refusals, seconds };
      }),
    );
  }

  async #uncordon(cluster: ClusterName, node: NodeName): Promise<boolean> {
    const summary = `uncordon ${node}, which was set aside`;
    try {
      await activity(cluster, 'uncordonNode', { summary, totalMs: cleanupMs })({ cluster, node });
      return true;
    } catch (error) {
      tellCordonKept(this.#line, node, error);
      return false;
    }
  }
}
