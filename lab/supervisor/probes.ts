// Questions to the processes themselves, over TLS with the lab's authorities: is it ready, and
// for etcd which revision it has. etcd is asked through its JSON gateway.

import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';

import { pkiOf } from '../certificates';
import { apiServerUrl, controllerManagerUrl, etcdUrl, schedulerUrl } from '../flags';
import type { LabMember } from '../lab-file';
import type { LabLayout } from '../layout';
import { eventually } from '../waiting';

interface Trust {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const probeTimeoutMs = 3_000;
const pollMs = 50;
/**
 * A connection for each question, which says that new ones are taken; but of one TLS session, for
 * what is asked twenty times a second is just then at its busiest.
 */
const agent = new Agent({ keepAlive: false });

/** Undefined when nobody answered in time. */
function ask(url: string, trust: Trust, body?: unknown): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const asked = request(
      url,
      {
        ...trust,
        method: payload === undefined ? 'GET' : 'POST',
        agent,
        signal: AbortSignal.timeout(probeTimeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => {
          resolve(undefined);
        });
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    asked.on('error', () => {
      resolve(undefined);
    });
    asked.end(payload);
  });
}

export class Probes {
  private readonly cluster: Trust;
  private readonly etcd: Trust;

  private constructor(cluster: Trust, etcd: Trust) {
    this.cluster = cluster;
    this.etcd = etcd;
  }

  static async open(layout: LabLayout): Promise<Probes> {
    const pki = pkiOf(layout.pki);
    const [ca, etcdCa, cert, key] = await Promise.all([
      readFile(pki.certificate('ca'), 'utf8'),
      readFile(pki.certificate('etcd-ca'), 'utf8'),
      readFile(pki.certificate('etcd-client'), 'utf8'),
      readFile(pki.key('etcd-client'), 'utf8'),
    ]);
    return new Probes({ ca }, { ca: etcdCa, cert, key });
  }

  /** PEM of the cluster's authority, for the balancer's own checks. */
  get ca(): string {
    return this.cluster.ca;
  }

  async isApiServerReady(member: LabMember): Promise<boolean> {
    return (await ask(`${apiServerUrl(member)}/readyz`, this.cluster))?.status === 200;
  }

  async areControllersHealthy(member: LabMember): Promise<boolean> {
    const answers = await Promise.all([
      ask(`${controllerManagerUrl(member)}/healthz`, this.cluster),
      ask(`${schedulerUrl(member)}/healthz`, this.cluster),
    ]);
    return answers.every((answer) => answer?.status === 200);
  }

  async isEtcdHealthy(member: LabMember): Promise<boolean> {
    const answer = await ask(`${etcdUrl(member)}/health`, this.etcd);
    return answer?.status === 200 && answer.text.includes('"health":"true"');
  }

  /** A question to etcd's JSON gateway; undefined when nobody answered in time. */
  askEtcd(url: string, body: unknown): Promise<Answer | undefined> {
    return ask(url, this.etcd, body);
  }

  /** Undefined when the member does not answer. */
  async etcdRevision(member: LabMember): Promise<number | undefined> {
    const answer = await ask(`${etcdUrl(member)}/v3/maintenance/status`, this.etcd, {});
    if (answer?.status !== 200) return undefined;
    const { header } = JSON.parse(answer.text) as { header?: { revision?: string } };
    const revision = Number(header?.revision);
    return Number.isSafeInteger(revision) ? revision : undefined;
  }

  /** HashKV up to `revision`, 0 for the member's latest; undefined when it cannot tell. */
  async etcdHash(member: LabMember, revision: number = 0): Promise<string | undefined> {
    const url = `${etcdUrl(member)}/v3/maintenance/hash`;
    const answer = await ask(url, this.etcd, { revision });
    if (answer?.status !== 200) return undefined;
    return String((JSON.parse(answer.text) as { hash?: unknown }).hash);
  }
}

/** Throws when the condition does not hold within the time. */
export async function mustHold(
  what: string,
  condition: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  if (!(await eventually(condition, { timeoutMs, everyMs: pollMs }))) {
    throw new Error(`${what} not within ${Math.round(timeoutMs / 1_000)} s`);
  }
}
