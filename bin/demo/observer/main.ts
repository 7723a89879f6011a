// The independent observer, a process of its own: started by the demo with the kubeconfig as its
// only argument, it says `ready` when it watches, and its report when it is asked to stop.

import { startBudgetWatcher } from './budget-watcher';
import type { BudgetReport } from './budget-watcher';
import { connect } from './connection';
import { startRequestProbe } from './request-probe';
import type { ProbeReport } from './request-probe';

export type ObserverReport = ProbeReport & BudgetReport;

/** What the observer says to its parent over the process channel. */
export type ObserverMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'report'; readonly report: ObserverReport };

const requestsPerSecond = 20;

function say(message: ObserverMessage): void {
  process.send?.(message);
}

async function main(kubeconfig: string): Promise<void> {
  // The parent is gone: nobody wants the report any more. It may go while this one begins.
  process.once('disconnect', () => process.exit(0));
  if (!process.connected) process.exit(0);
  // Watches hold a connection each; the probe shares the rest.
  const watcher = await startBudgetWatcher(connect(kubeconfig, 2));
  const probe = await startRequestProbe(connect(kubeconfig, 4), requestsPerSecond);
  process.once('message', () => {
    void probe.stop().then((requests) => {
      say({ kind: 'report', report: { ...requests, ...watcher.stop() } });
      process.disconnect();
      process.exit(0);
    });
  });
  say({ kind: 'ready' });
}

const [, , kubeconfig] = process.argv;
if (kubeconfig === undefined) throw new Error('usage: observer KUBECONFIG');
void main(kubeconfig);
