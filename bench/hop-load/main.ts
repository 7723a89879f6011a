// Clients of the load balancer during a hop, in a process of their own: 20 requests a second over
// each of three kinds of connection, until it is asked what they counted. Nothing is tried again
// but a stream that HTTP/2 says was not processed, which is counted.

import { credentialsOf } from '../../bin/demo/observer/connection';
import { serveReport } from '../../bin/demo/observer/reporting';
import { type Caller, newConnections, oldConnections, streams } from './callers';
import { fail, loadModes, type LoadReport } from './load';

const perSecond = 20;

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

void serveReport<readonly LoadReport[]>(async (kubeconfig) => {
  const credentials = credentialsOf(kubeconfig);
  const makers = { new: newConnections, kept: oldConnections, h2: streams } as const;
  const clients = await Promise.all(
    loadModes.map(async (mode) => {
      const caller = makers[mode](credentials, `bench-hop-${mode}`);
      await caller.prepare();
      return begin(mode, caller);
    }),
  );
  return async () => {
    for (const { timer } of clients) clearInterval(timer);
    await Promise.all(clients.flatMap(({ underWay }) => [...underWay]));
    return clients.map(({ caller, report }) => {
      caller.close();
      return { ...report, resent: caller.resent() };
    });
  };
});
