// Speaks the lab protocol to a running supervisor, the lab-only requests included. The engine's
// own driver (activities/drivers/lab-driver.ts) knows nothing of faults and shutdown.

import { request } from 'node:http';

import type {
  LabProblem,
  LabRestoreRequest,
  LabRestoreResult,
  LabRestoreStatus,
  LabStatus,
  LabVersionRequest,
} from '../activities/drivers/lab-protocol';
import type { LabFault, LabProgress } from './lab-faults';
import { errnoOf, LabError, messageOf } from './lab-error';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export class LabControl {
  private readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  async status(): Promise<LabStatus> {
    return (await this.ask('GET', '/v1/status')) as LabStatus;
  }

  async progress(): Promise<LabProgress> {
    return (await this.ask('GET', '/v1/lab')) as LabProgress;
  }

  async changeApiServer(member: string, to: LabVersionRequest): Promise<void> {
    await this.ask('POST', `/v1/members/${member}/api-server`, to);
  }

  async changeControllers(member: string, to: LabVersionRequest): Promise<void> {
    await this.ask('POST', `/v1/members/${member}/controllers`, to);
  }

  async changeKubelet(node: string, version: string): Promise<void> {
    await this.ask('POST', `/v1/nodes/${node}/kubelet`, { version });
  }

  async repairEtcd(member: string): Promise<void> {
    await this.ask('POST', `/v1/members/${member}/etcd-repair`);
  }

  async restore(order: LabRestoreRequest): Promise<LabRestoreResult> {
    return (await this.ask('POST', '/v1/restore', order)) as LabRestoreResult;
  }

  async restoreStatus(restoreId: string): Promise<LabRestoreStatus> {
    const id = encodeURIComponent(restoreId);
    return (await this.ask('GET', `/v1/restore/${id}`)) as LabRestoreStatus;
  }

  async fault(fault: LabFault): Promise<void> {
    await this.ask('POST', '/v1/lab/faults', fault);
  }

  /** Returns when the supervisor has begun to stop everything. */
  async shutdown(): Promise<void> {
    await this.ask('POST', '/v1/lab/shutdown');
  }

  /** Throws LabError `lab-down` when nobody listens, `request-refused` for a problem. */
  private async ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
    const answer = await this.send(method, path, body);
    if (answer.status === 200) return answer.body;
    const problem = answer.body as LabProblem;
    throw new LabError('request-refused', `${method} ${path}: ${problem.message}`, {
      problems: [problem.code],
    });
  }

  private send(method: 'GET' | 'POST', path: string, body: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          socketPath: this.socket,
          method,
          path,
          agent: false,
          headers: { 'content-type': 'application/json' },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown });
          });
        },
      );
      asked.on('error', (error) => {
        const isDown = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET'].includes(errnoOf(error) ?? '');
        const message = isDown
          ? `no lab runs behind ${this.socket}`
          : `${method} ${path} failed: ${messageOf(error)}`;
        reject(new LabError(isDown ? 'lab-down' : 'lab-failed', message, { cause: error }));
      });
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
