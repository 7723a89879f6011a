// A client of the load balancer that reads and writes at a fixed rate during the whole upgrade.
// Connections are reused and nothing is tried again, so every hiccup is a failed request.

import type { Connection } from './connection';
import { send } from './connection';

const namespace = 'default';
const name = 'ascent-demo-probe';
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const requestTimeoutMs = 10_000;
const keptFailures = 20;

export interface ProbeReport {
  readonly requests: number;
  readonly failedRequests: number;
  /** The first failures, for people. */
  readonly failures: readonly { readonly at: string; readonly what: string }[];
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface RequestProbe {
  /** Waits for the requests under way and tells what was seen. */
  stop(): Promise<ProbeReport>;
}

function percentile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

/** Creates the object that is read and written; an old one of an earlier demo is kept. */
async function prepare(connection: Connection): Promise<void> {
  const reply = await send(connection, {
    method: 'POST',
    path,
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { writes: '0' } },
  });
  if (reply.status !== 201 && reply.status !== 409) {
    throw new Error(`the probe could not create ConfigMap ${namespace}/${name}: ${reply.status}`);
  }
}

/** Starts `perSecond` requests a second, reads and writes in turn. */
export async function startRequestProbe(
  connection: Connection,
  perSecond: number,
): Promise<RequestProbe> {
  await prepare(connection);
  const failures: { at: string; what: string }[] = [];
  const latencies: number[] = [];
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  let failed = 0;

  const once = async (write: boolean): Promise<void> => {
    const startedAt = performance.now();
    const what = write ? 'PATCH' : 'GET';
    const fail = (why: string): void => {
      failed += 1;
      if (failures.length >= keptFailures) return;
      failures.push({ at: new Date().toISOString(), what: `${what}: ${why}` });
    };
    try {
      const reply = await send(connection, {
        method: what,
        path: `${path}/${name}`,
        timeoutMs: requestTimeoutMs,
        ...(write
          ? {
              body: { data: { writes: String(sent) } },
              contentType: 'application/merge-patch+json',
            }
          : {}),
      });
      if (reply.status !== 200) fail(`status ${reply.status}: ${reply.body.slice(0, 200)}`);
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
    latencies.push(performance.now() - startedAt);
  };

  const timer = setInterval(() => {
    sent += 1;
    const request = once(sent % 2 === 0);
    underWay.add(request);
    void request.finally(() => underWay.delete(request));
  }, 1000 / perSecond);

  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      const sorted = latencies.toSorted((a, b) => a - b);
      return {
        requests: sent,
        failedRequests: failed,
        failures,
        p50Ms: percentile(sorted, 0.5),
        p99Ms: percentile(sorted, 0.99),
      };
    },
  };
}
