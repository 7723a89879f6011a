// The independent observer, a process of its own: it watches every budget, and is a client of the
// load balancer, until the demo asks what it has seen.

import { startBudgetWatcher } from './budget-watcher';
import type { BudgetReport } from './budget-watcher';
import { connect } from './connection';
import { serveReport } from './reporting';
import { startRequestProbe } from './request-probe';
import type { ProbeReport } from './request-probe';

export type ObserverReport = ProbeReport & BudgetReport;

const requestsPerSecond = 20;

void serveReport<ObserverReport>(async (kubeconfig) => {
  // Watches hold a connection each; the probe shares the rest.
  const watcher = await startBudgetWatcher(connect(kubeconfig, 2));
  const probe = await startRequestProbe(connect(kubeconfig, 4), requestsPerSecond);
  return async () => ({ ...(await probe.stop()), ...watcher.stop() });
});
