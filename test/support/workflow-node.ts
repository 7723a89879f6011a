// One node under test outside of an upgrade: a scripted cluster, its workers, and what a person
// would say about the node.

import { type WorkflowHandle, WithStartWorkflowOperation } from '@temporalio/client';

import type { AuditEntry, CommandAccepted } from '../../domain/status/control';
import type { ClusterName, NodeName } from '../../domain/names';
import type {
  DrainAnswer,
  DrainEnd,
  DrainRefusal,
  DrainRequest,
  DrainStatus,
  UndoRequest,
} from '../../domain/drain/node-drain';
import { drainRefusalSentence } from '../../domain/drain/node-drain-sentences';
import { drainWorkflowId } from '../../domain/workflow-ids';
import type { drainNode } from '../../workflows/drain-node';
import { auditQuery, drainStatusQuery, drainUpdate, undoUpdate } from '../../workflows/messages';
import type { uncordonNode } from '../../workflows/uncordon-node';
import { aCluster, aPool, clusterName, nodeName } from './builders';
import { until } from './lab-until';
import { refusalOfUpdate } from './update-refusals';
import { ScriptedCluster } from './workflow-cluster';
import { fetchHistories, saveHistories } from './workflow-histories';
import { withActivityWorker, type WorkerMode, type WorkflowServer } from './workflow-server';

interface NodeOptions {
  readonly workerOptions: WorkerMode;
  /** False: nobody polls the cluster's task queue. */
  readonly hasActivityWorker?: boolean;
  /** How long a drain waits for such a worker. */
  readonly workerTimeoutMs?: number;
}

let count = 0;

/** Runs the body with everything up; the history must replay at the end of the file. */
export async function withNode(
  server: WorkflowServer,
  options: NodeOptions,
  body: (node: NodeUnderTest) => Promise<void>,
): Promise<void> {
  count += 1;
  const name = clusterName(`n${count}`);
  const cluster = new ScriptedCluster(aCluster(name).withMembers(1).withNodes(2).observation());
  const { workerOptions, hasActivityWorker = true } = options;
  const taskQueue = await server.workflowQueue(workerOptions);
  const node = new NodeUnderTest({ server, cluster, name, taskQueue, options });
  const play = async (): Promise<void> => {
    try {
      await body(node);
      if (workerOptions.maxCachedWorkflows !== 0) await node.replay();
    } finally {
      await node.giveUp();
    }
  };
  if (!hasActivityWorker) return play();
  return withActivityWorker(server, name, cluster.activities(), play);
}

/** The refusal in the failure of an update; throws when the update was accepted. */
export function drainRefusalIn(update: Promise<unknown>): Promise<DrainRefusal> {
  return refusalOfUpdate(update, drainRefusalSentence);
}

export class NodeUnderTest {
  readonly cluster: ScriptedCluster;
  readonly clusterName: ClusterName;
  readonly node: NodeName = nodeName('worker-1');
  readonly handle: WorkflowHandle<typeof drainNode>;
  readonly #server: WorkflowServer;
  readonly #taskQueue: string;
  readonly #options: NodeOptions;

  constructor(parts: {
    readonly server: WorkflowServer;
    readonly cluster: ScriptedCluster;
    readonly name: ClusterName;
    readonly taskQueue: string;
    readonly options: NodeOptions;
  }) {
    this.#server = parts.server;
    this.cluster = parts.cluster;
    this.clusterName = parts.name;
    this.#taskQueue = parts.taskQueue;
    this.#options = parts.options;
    const { workflow } = parts.server.client;
    this.handle = workflow.getHandle(drainWorkflowId(parts.name, this.node));
  }

  request(over: Partial<DrainRequest> = {}): DrainRequest {
    return {
      requestId: 'drain-1',
      actor: 'ada',
      reason: 'new memory',
      policy: aPool().drain,
      joins: 'same-policy',
      upgradeRuns: false,
      ...over,
    };
  }

  /** Update-with-start, as the client does it. */
  drain(over: Partial<DrainRequest> = {}, node = this.node): Promise<DrainAnswer> {
    const { workflow } = this.#server.client;
    const request = this.request(over);
    const startWorkflowOperation = new WithStartWorkflowOperation<typeof drainNode>('drainNode', {
      workflowId: drainWorkflowId(this.clusterName, node),
      taskQueue: this.#taskQueue,
      workflowIdConflictPolicy: 'USE_EXISTING',
      args: [{ ...request, ...this.#workerTimeout(), cluster: this.clusterName, node }],
    });
    return workflow.executeUpdateWithStart(drainUpdate, {
      args: [request],
      updateId: request.requestId,
      startWorkflowOperation,
    });
  }

  #workerTimeout() {
    const { workerTimeoutMs } = this.#options;
    return workerTimeoutMs === undefined ? {} : { workerTimeoutMs };
  }

  undoRequest(over: Partial<UndoRequest> = {}): UndoRequest {
    return {
      requestId: 'undo-1',
      actor: 'bob',
      reason: 'not today',
      upgradeRuns: false,
      ...over,
    };
  }

  /** Update-with-start, as the client does it. */
  undo(over: Partial<UndoRequest> = {}, node = this.node): Promise<CommandAccepted> {
    const { workflow } = this.#server.client;
    const request = this.undoRequest(over);
    const startWorkflowOperation = new WithStartWorkflowOperation<typeof uncordonNode>(
      'uncordonNode',
      {
        workflowId: drainWorkflowId(this.clusterName, node),
        taskQueue: this.#taskQueue,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [{ ...request, cluster: this.clusterName, node }],
      },
    );
    return workflow.executeUpdateWithStart(undoUpdate, {
      args: [request],
      updateId: request.requestId,
      startWorkflowOperation,
    });
  }

  end(node = this.node): Promise<DrainEnd> {
    const { workflow } = this.#server.client;
    return workflow.getHandle<typeof drainNode>(drainWorkflowId(this.clusterName, node)).result();
  }

  status(): Promise<DrainStatus> {
    return this.handle.query(drainStatusQuery);
  }

  audit(): Promise<readonly AuditEntry[]> {
    return this.handle.query(auditQuery);
  }

  /** Waits until the trail has so many lines. */
  async untilNoted(lines: number): Promise<readonly AuditEntry[]> {
    return until(
      `${lines} lines in the trail`,
      async () => {
        const trail = await this.audit();
        return trail.length >= lines ? trail : undefined;
      },
      { everyMs: 50 },
    );
  }

  /** Keeps the history for test/replay when RECORD=1 asks for it. */
  async record(scenario: string): Promise<void> {
    if (process.env['RECORD'] !== '1' || this.#options.workerOptions.maxCachedWorkflows === 0) {
      return;
    }
    const { client } = this.#server;
    await saveHistories(scenario, await fetchHistories(client, this.handle.workflowId));
  }

  async replay(): Promise<void> {
    const { client } = this.#server;
    this.#server.replayAtEnd(await fetchHistories(client, this.handle.workflowId));
  }

  /** Ends what a failed test left running. */
  async giveUp(): Promise<void> {
    await this.handle.terminate('the test is over').catch(() => undefined);
  }
}
