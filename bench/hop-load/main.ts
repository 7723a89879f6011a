// Clients of the load balancer during a hop, in a process of their own: 20 requests a second over
// each of three kinds of connection. It says `ready`, and its counts when it is asked.
// Nothing is tried again but a stream that HTTP/2 says was not processed, which is counted.

import { fail, type LoadMessage, loadModes, type LoadReport } from './load';
import { type Caller, newConnections, oldConnections, streams } from './callers';
import { credentialsOf } from './credentials';

const perSecond = 20;

function say(message: LoadMessage): void {
  process.send?.(message);
}

interface Client {
  readonly report: LoadReport;
  readonly underWay: Set<Promise<void>>;
  readonly timer: NodeJS.Timeout;
  readonly caller: Caller;
}

function begin(mode: (typeof loadModes)[number], caller: Caller): Client {
  const report: LoadReport = { mode, requests: 0, failed: 0, resent: 0, failures: [] };
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    report.requests += 1;
    const isWrite = report.requests % 2 === 0;
    const request = caller
      .call(isWrite ? { writes: report.requests } : {})
      .catch((error: unknown) => fail(report, isWrite, error));
    underWay.add(request);
    void request.finally(() => underWay.delete(request));
  }, 1_000 / perSecond);
  return { report, underWay, timer, caller };
}

async function main(kubeconfig: string): Promise<void> {
  // The parent is gone: nobody wants the report any more.
  process.once('disconnect', () => process.exit(0));
  const credentials = credentialsOf(kubeconfig);
  const makers = { new: newConnections, kept: oldConnections, h2: streams } as const;
  const callers = await Promise.all(
    loadModes.map(async (mode) => {
      const caller = makers[mode](credentials, `bench-hop-${mode}`);
      await caller.prepare();
      return begin(mode, caller);
    }),
  );
  process.once('message', () => {
    for (const { timer } of callers) clearInterval(timer);
    void Promise.all(callers.flatMap(({ underWay }) => [...underWay])).then(() => {
      for (const { caller, report } of callers) {
        report.resent = caller.resent();
        caller.close();
      }
      say({ kind: 'report', reports: callers.map(({ report }) => report) });
      process.disconnect();
      process.exit(0);
    });
  });
  say({ kind: 'ready' });
}

const [, , kubeconfig] = process.argv;
if (kubeconfig === undefined) throw new Error('usage: hop-load KUBECONFIG');
void main(kubeconfig);
