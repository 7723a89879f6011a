// Asks every member for /readyz over its own TLS connection, checked against the lab's CA.

import { request } from 'node:https';

import type { Backend, BalancerPool, CheckResult } from './balancer-pool';

export interface HealthOptions {
  /** PEM of the authority that signed the members' serving certificates. */
  readonly ca: string;
  readonly intervalMs?: number;
  /** Longer than the interval: a late answer is still an answer. */
  readonly timeoutMs?: number;
}

const defaultIntervalMs = 500;
const defaultTimeoutMs = 3_000;

/** A new connection each time: a kept one would say nothing about accepting new clients. */
function check(backend: Backend, ca: string, timeoutMs: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request(
      { host: backend.host, port: backend.port, path: '/readyz', ca, agent: false, signal },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200 ? 'ready' : 'unready');
      },
    );
    asked.on('error', () => {
      resolve(signal.aborted ? 'timeout' : 'refused');
    });
    asked.end();
  });
}

export class HealthChecks {
  private readonly pool: BalancerPool;
  private readonly ca: string;
  private readonly intervalMs: number;
  private readonly timeoutMs: number;
  private readonly underWay = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(pool: BalancerPool, options: HealthOptions) {
    this.pool = pool;
    this.ca = options.ca;
    this.intervalMs = options.intervalMs ?? defaultIntervalMs;
    this.timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  }

  start(): void {
    this.timer = setInterval(() => {
      for (const backend of this.pool.backends()) void this.checkOne(backend);
    }, this.intervalMs);
    for (const backend of this.pool.backends()) void this.checkOne(backend);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  checkNow(name: string): void {
    const backend = this.pool.backends().find((candidate) => candidate.name === name);
    if (backend !== undefined) void this.checkOne(backend);
  }

  /** At most one check of a member is under way: the timeout is longer than the interval. */
  private async checkOne(backend: Backend): Promise<void> {
    if (this.underWay.has(backend.name)) return;
    this.underWay.add(backend.name);
    try {
      this.pool.report(backend.name, await check(backend, this.ca, this.timeoutMs));
    } finally {
      this.underWay.delete(backend.name);
    }
  }
}
