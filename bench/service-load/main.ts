// Clients of a Service, in a process of their own: 20 requests a second over new connections and as
// many over kept ones, until it is asked what they counted. Nothing is tried again.

import { Agent, get } from 'node:http';

import { serveReport } from '../../bin/demo/observer/reporting';
import { fail, type LoadReport } from '../hop-load/load';

const perSecond = 20;
const timeoutMs = 5_000;

/** Rejects for every answer but 200, and for none. */
function ask(address: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(address, { agent, timeout: timeoutMs }, (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`it answered ${answer.statusCode}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    request.on('error', reject);
  });
}

function begin(address: string, mode: 'new' | 'kept'): () => Promise<LoadReport> {
  const report: LoadReport = { mode, requests: 0, failed: 0, resent: 0, failures: [] };
  const agent = new Agent(mode === 'new' ? {} : { keepAlive: true, maxSockets: 4 });
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    report.requests += 1;
    const request = ask(address, agent).catch((error: unknown) => fail(report, false, error));
    underWay.add(request);
    void request.finally(() => underWay.delete(request));
  }, 1_000 / perSecond);
  return async () => {
    clearInterval(timer);
    await Promise.all(underWay);
    agent.destroy();
    return report;
  };
}

void serveReport<readonly LoadReport[]>(async (address) => {
  // It serves before anything is counted.
  await ask(address, new Agent());
  const clients = (['new', 'kept'] as const).map((mode) => begin(address, mode));
  return () => Promise.all(clients.map((end) => end()));
});
