// The service of docs/examples, installed and run as its reader would: the package by its name, in
// a process of its own.

import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import type { ServedCluster, UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(120_000);

const root = path.resolve(__dirname, '../..');

describe('the service of docs/examples/start-from-a-service', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'ascent-example-'));
  let server: UpgradeServer;
  let service: ChildProcess;
  let url: string;

  beforeAll(async () => {
    cpSync(path.join(root, 'docs/examples/start-from-a-service'), directory, { recursive: true });
    mkdirSync(path.join(directory, 'node_modules', '@types'), { recursive: true });
    symlinkSync(root, path.join(directory, 'node_modules', 'ascent'));
    symlinkSync(
      path.join(root, 'node_modules/@types/node'),
      path.join(directory, 'node_modules/@types/node'),
    );
    server = await startUpgradeServer();
    await server.workflowWorker();
    service = spawn(process.execPath, ['main.ts'], {
      cwd: directory,
      env: { PATH: process.env['PATH'], TEMPORAL_ADDRESS: server.address, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    url = await listeningAt(service);
  });

  afterAll(async () => {
    service.kill('SIGTERM');
    await server.close();
    rmSync(directory, { recursive: true });
  });

  function listeningAt({ stdout }: ChildProcess): Promise<string> {
    if (stdout === null) throw new Error('the service has no output');
    return new Promise((resolve, reject) => {
      const lines = createInterface({ input: stdout });
      lines.once('line', (line) => resolve(line.replace('listening on ', '')));
      lines.once('close', () => reject(new Error('the service has ended')));
    });
  }

  async function ask(place: string, init?: RequestInit) {
    const response = await fetch(`${url}/${place}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  function start({ name }: Pick<ServedCluster, 'name'>, more = '', headers = {}) {
    const spec = [
      'apiVersion: ascent/v1',
      `cluster: ${name}`,
      'target: "1.30"',
      'soak: 0s',
      'controlPlane: { allowSingleMember: true }',
      more,
    ];
    return ask('upgrades', { method: 'POST', body: spec.join('\n'), headers });
  }

  it('is typed by the package', () => {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    expect(() => execFileSync(process.execPath, [tsc, '-p', directory])).not.toThrow();
  });

  it('starts an upgrade once for one key, shows it, and approves its next hop', async () => {
    const cluster = await server.cluster();
    const headers = { 'Idempotency-Key': 'monday', 'X-Actor': 'portal' };

    const first = await start(cluster, '', headers);
    const again = await start(cluster, '', headers);
    const other = await start(cluster);
    const planDigest = await untilProgress(server.client, cluster.name, ({ status }) =>
      status.phase === 'waiting-for-approval' ? status.planDigest : undefined,
    );
    const shown = await ask(`upgrades/${cluster.name}`);
    const approval = { gate: 'approve/hop-1.30', planDigest, reason: 'a test' };
    const stale = await ask(`upgrades/${cluster.name}/approvals`, {
      method: 'POST',
      body: JSON.stringify({ ...approval, planDigest: 'none' }),
    });
    const approved = await ask(`upgrades/${cluster.name}/approvals`, {
      method: 'POST',
      body: JSON.stringify(approval),
    });

    const body = {
      workflowId: `upgrade/${cluster.name}`,
      from: '1.28.15',
      to: '1.30.14',
      planDigest,
    };
    expect([first, again, other]).toEqual([
      { status: 201, body },
      { status: 201, body },
      { status: 200, body },
    ]);
    expect(shown).toMatchObject({
      status: 200,
      body: { phase: 'waiting-for-approval', waitsFor: ['approve/hop-1.30'], planDigest },
    });
    expect(stale).toMatchObject({ status: 409, body: { code: 'command-refused' } });
    expect(approved).toMatchObject({ status: 200 });
    await expect(server.client.result(cluster.name)).resolves.toMatchObject({
      outcome: 'completed',
    });
  });

  it('answers every refusal with its own status', async () => {
    const running = await server.cluster();
    await start(running);
    const blocked = await server.cluster();
    blocked.cluster.changeNode('worker-1', { kubeletVersion: '1.20.1' as never });

    const answers = await Promise.all([
      start(running, 'approvals: every-hop'),
      start(blocked),
      start({ name: 'Not A Name' as never }, 'sokes: 1h'),
      ask('upgrades/nobody'),
      ask('elsewhere'),
    ]);

    expect(answers).toMatchObject([
      { status: 409, body: { refusal: { code: 'upgrade-conflict' } } },
      { status: 422, body: { refusal: { code: 'blocked' } } },
      { status: 400, body: { problems: [expect.any(String), expect.any(String)] } },
      { status: 404, body: { code: 'upgrade-not-found' } },
      { status: 404 },
    ]);
  });
});
