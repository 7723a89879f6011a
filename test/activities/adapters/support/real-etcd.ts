// Real etcd members with TLS on loopback.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Agent, request } from 'undici';

import type { ClusterAccess } from '../../../../activities/access';
import { installedBinaries } from '../../../../lab/binaries';
import { freePortBlock } from '../../../../lab/free-ports';
import { createAuthority } from './pki';
import { type RealProcess, startProcess } from './real-process';

export interface RealEtcd {
  readonly access: ClusterAccess['etcd'];
  readonly etcd: string;
  readonly etcdutl: string;
  /** Through any member that answers. */
  put(key: string, value: string): Promise<void>;
  /** POST to the JSON gateway of one member: `kv/put`, `kv/compaction`, `maintenance/alarm`. */
  call(member: number, method: string, body: object): Promise<unknown>;
  member(index: number): RealProcess;
  close(): Promise<void>;
}

interface MemberPlan {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
}

async function planMembers(count: number): Promise<readonly MemberPlan[]> {
  const first = await freePortBlock(count * 2);
  return Array.from({ length: count }, (_, index) => ({
    name: `etcd-${String(index + 1)}`,
    client: `https://127.0.0.1:${String(first + index * 2)}`,
    peer: `https://127.0.0.1:${String(first + index * 2 + 1)}`,
  }));
}

interface Files {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

async function writeIdentities(
  directory: string,
): Promise<{ readonly server: Files; readonly client: Files; readonly agent: Agent }> {
  const authority = await createAuthority('etcd-ca');
  const write = (name: string, content: string): string => {
    const file = path.join(directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const ca = write('etcd-ca.crt', authority.ca);
  const [server, client] = await Promise.all([authority.server(), authority.client('test')]);
  return {
    server: {
      ca,
      certificate: write('etcd.crt', server.certificate),
      key: write('etcd.key', server.key),
    },
    client: {
      ca,
      certificate: write('etcd-client.crt', client.certificate),
      key: write('etcd-client.key', client.key),
    },
    agent: new Agent({
      allowH2: false,
      connect: { ca: authority.ca, cert: client.certificate, key: client.key },
    }),
  };
}

function flags(
  member: MemberPlan,
  all: readonly MemberPlan[],
  directory: string,
  { ca, certificate, key }: Files,
): readonly string[] {
  return [
    `--name=${member.name}`,
    `--data-dir=${path.join(directory, member.name)}`,
    `--listen-client-urls=${member.client}`,
    `--advertise-client-urls=${member.client}`,
    `--listen-peer-urls=${member.peer}`,
    `--initial-advertise-peer-urls=${member.peer}`,
    `--initial-cluster=${all.map(({ name, peer }) => `${name}=${peer}`).join(',')}`,
    `--trusted-ca-file=${ca}`,
    `--cert-file=${certificate}`,
    `--key-file=${key}`,
    '--client-cert-auth',
    `--peer-trusted-ca-file=${ca}`,
    `--peer-cert-file=${certificate}`,
    `--peer-key-file=${key}`,
    '--peer-client-cert-auth',
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export async function startEtcd(parent: string, count: number): Promise<RealEtcd> {
  const directory = path.join(parent, `etcd-${String(count)}`);
  mkdirSync(directory, { recursive: true });
  const { etcd, etcdutl } = await installedBinaries();
  const { server, client, agent } = await writeIdentities(directory);
  const plans = await planMembers(count);

  const ask = async (endpoint: string, method: string, body: object): Promise<unknown> => {
    const answer = await request(`${endpoint}/v3/${method}`, {
      dispatcher: agent,
      method: 'POST',
      body: JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode === 200) return JSON.parse(text);
    throw new Error(`${method}: HTTP ${String(answer.statusCode)} ${text}`);
  };
  const isReady = async (endpoint: string): Promise<boolean> => {
    try {
      // A linearizable read: the members have found each other.
      await ask(endpoint, 'kv/range', { key: 'AA==' });
      return true;
    } catch {
      return false;
    }
  };
  const members = await Promise.all(
    plans.map((plan) =>
      startProcess({
        name: plan.name,
        executable: etcd,
        args: flags(plan, plans, directory, server),
        directory,
        isReady: () => isReady(plan.client),
      }),
    ),
  );
  const planOf = (index: number): MemberPlan => {
    const plan = plans[index];
    if (plan === undefined) throw new Error(`there is no member ${String(index)}`);
    return plan;
  };
  return {
    access: { members: plans.map(({ name, client: endpoint }) => ({ name, endpoint })), ...client },
    etcd,
    etcdutl,
    async put(key, value) {
      const base64 = (text: string): string => Buffer.from(text).toString('base64');
      await ask(planOf(0).client, 'kv/put', { key: base64(key), value: base64(value) });
    },
    call: (index, method, body) => ask(planOf(index).client, method, body),
    member(index) {
      const member = members[index];
      if (member === undefined) throw new Error(`there is no member ${String(index)}`);
      return member;
    },
    async close() {
      await Promise.all(members.map((member) => member.kill()));
      await agent.destroy();
    },
  };
}
