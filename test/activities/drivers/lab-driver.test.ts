import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';

import { createLabDriver, type LabDriver } from '../../../activities/drivers/lab-driver';
import type { LabRestoreStatus, LabStatus } from '../../../activities/drivers/lab-protocol';
import type { DriverContext } from '../../../activities/driver-context';
import type { MemberName, NodeName } from '../../../domain/names';
import type { KubeVersion } from '../../../domain/versions';
import { eventually } from '../../../lab/waiting';
import { minor } from '../../support/builders';
import { temporaryDirectory } from '../adapters/support/temporary-directory';
import { never, refusalOf } from '../adapters/support/refusals';

const directory = temporaryDirectory();
const socket = path.join(directory, 'lab.sock');
const to = '1.29.15' as KubeVersion;
const cp1 = 'cp-1' as MemberName;

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let answer: Answer;
let asked: { readonly request: string; readonly body: unknown }[];
let server: Server;
let driver: LabDriver;

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

beforeEach(async () => {
  asked = [];
  rmSync(socket, { force: true });
  server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const parsed: unknown = body === '' ? undefined : JSON.parse(body);
      asked.push({ request: `${request.method ?? ''} ${request.url ?? ''}`, body: parsed });
      answer(request, response, body);
    });
  });
  server.listen(socket);
  await once(server, 'listening');
  driver = createLabDriver(socket);
});
afterEach(async () => {
  await driver.close();
  server.closeAllConnections();
  server.close();
});

function json(response: ServerResponse, status: number, body?: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function statusWith(version: string, running = true): LabStatus {
  const component = { version, running };
  const etcd = { version: '3.5.21', running: true };
  return {
    cluster: 'prod',
    members: [{ name: 'cp-1', apiServer: component, controllers: component, etcd }],
    nodes: [{ name: 'worker-1', kubelet: '1.28.15' }],
    versions: ['1.28.15', '1.29.15'],
    etcdVersions: ['3.5.35', '3.6.16'],
  };
}

function context(signal = never): DriverContext & { phases: string[] } {
  const phases: string[] = [];
  const asked = { signal, operationId: 'op-1', limitMs: 60_000, log: () => undefined };
  return { ...asked, phases, onPhase: (phase) => phases.push(phase) };
}

const posts = (): typeof asked => asked.filter(({ request }) => request.startsWith('POST'));

describe('the lab driver', () => {
  it('asks the lab which releases it has', async () => {
    answer = (_request, response) => json(response, 200, statusWith('1.28.15'));
    const versions = await driver.controlPlane.availableVersions(context().signal);
    expect(versions).toEqual(['1.28.15', '1.29.15']);
  });

  it('asks the lab what a restore needs', async () => {
    const items = [
      { kind: 'pki', name: 'ca.key', base64: 'cHJpdmF0ZQ==' },
      { kind: 'flags', name: 'etcd', member: 'cp-1', base64: '' },
    ];
    answer = (_request, response) => json(response, 200, { items });
    expect(await driver.controlPlane.restoreNeeds(never)).toEqual([
      { kind: 'pki', name: 'ca.key', content: Buffer.from('private') },
      { kind: 'flags', name: 'etcd', member: 'cp-1', content: Buffer.alloc(0) },
    ]);
    expect(asked).toEqual([{ request: 'GET /v1/needs', body: undefined }]);
  });

  it.each([
    {
      name: 'an API server',
      upgrade: (on: DriverContext) =>
        driver.controlPlane.upgrade(cp1, 'kube-apiserver', { version: to }, on),
      request: 'POST /v1/members/cp-1/api-server',
    },
    {
      name: 'controllers',
      upgrade: (on: DriverContext) =>
        driver.controlPlane.upgrade(cp1, 'controllers', { version: to }, on),
      request: 'POST /v1/members/cp-1/controllers',
    },
    {
      name: 'an API server that is put back',
      upgrade: (on: DriverContext) =>
        driver.controlPlane.putBack(cp1, 'kube-apiserver', { version: to }, on),
      request: 'POST /v1/members/cp-1/api-server',
    },
    {
      name: 'controllers that are put back',
      upgrade: (on: DriverContext) =>
        driver.controlPlane.putBack(cp1, 'controllers', { version: to }, on),
      request: 'POST /v1/members/cp-1/controllers',
    },
    {
      name: 'an etcd',
      upgrade: (on: DriverContext) => driver.controlPlane.changeEtcd(cp1, to, on),
      request: 'POST /v1/members/cp-1/etcd',
    },
    {
      name: 'a kubelet',
      upgrade: (on: DriverContext) => driver.nodes.upgradeNode('worker-1' as NodeName, to, on),
      request: 'POST /v1/nodes/worker-1/kubelet',
    },
  ])('replaces $name', async ({ upgrade, request }) => {
    answer = ({ method }, response) =>
      method === 'POST' ? json(response, 204) : json(response, 200, statusWith('1.28.15'));
    await upgrade(context());
    expect(posts()).toEqual([{ request, body: { version: '1.29.15' } }]);
  });

  it('asks for programs that serve as another minor', async () => {
    answer = ({ method }, response) =>
      method === 'POST' ? json(response, 204) : json(response, 200, statusWith('1.28.15'));
    const programs = { version: to, emulates: minor('1.28') };
    await driver.controlPlane.upgrade(cp1, 'kube-apiserver', programs, context());
    await driver.controlPlane.putBack(cp1, 'controllers', programs, context());
    const body = { version: '1.29.15', emulates: '1.28' };
    expect(posts()).toEqual([
      { request: 'POST /v1/members/cp-1/api-server', body },
      { request: 'POST /v1/members/cp-1/controllers', body },
    ]);
  });

  it('tells what becomes of a member while it is replaced', async () => {
    const states = [statusWith('1.28.15'), statusWith('1.28.15', false), statusWith('1.29.15')];
    let finish = (): void => undefined;
    answer = ({ method }, response) => {
      if (method === 'POST') finish = () => json(response, 204);
      else json(response, 200, states.length > 1 ? states.shift() : states[0]);
    };
    const on = context();
    const upgrading = driver.controlPlane.upgrade(cp1, 'kube-apiserver', { version: to }, on);
    await eventually(async () => on.phases.length === 3, { timeoutMs: 5_000 });
    finish();
    await upgrading;
    expect(on.phases).toEqual([
      'api-server of cp-1: 1.28.15, running',
      'api-server of cp-1: 1.28.15, stopped',
      'api-server of cp-1: 1.29.15, running',
    ]);
  });

  it('restores, and tells the phases of the restore', async () => {
    const lost = [{ member: 'cp-3', problem: 'disk full' }];
    const running: LabRestoreStatus = { restoreId: 'r-1', state: 'running', phase: 'etcd-2' };
    let finish = (): void => undefined;
    answer = ({ method }, response) => {
      if (method === 'POST') finish = () => json(response, 200, { lost });
      else json(response, 200, running);
    };
    const on = context();
    const restoring = driver.controlPlane.restore(
      {
        restoreId: 'r-1',
        snapshotFile: '/s/db',
        snapshotRevision: 7,
        version: to,
        etcdVersion: '3.5.35',
      },
      on,
    );
    await eventually(async () => on.phases.length > 0, { timeoutMs: 5_000 });
    finish();
    expect(await restoring).toEqual({ lost });
    expect(on.phases).toEqual(['etcd-2']);
    expect(posts()).toEqual([
      {
        request: 'POST /v1/restore',
        body: {
          restoreId: 'r-1',
          snapshotFile: '/s/db',
          snapshotRevision: 7,
          version: '1.29.15',
          etcdVersion: '3.5.35',
        },
      },
    ]);
  });

  it('has an etcd member brought back', async () => {
    answer = (_request, response) => json(response, 200, {});
    const on = context();
    await driver.controlPlane.repairEtcdMember(cp1, on);
    expect(on.phases).toEqual(['bringing etcd of cp-1 back']);
    expect(posts()).toEqual([{ request: 'POST /v1/members/cp-1/etcd-repair', body: {} }]);
  });

  it('is not stopped by a phase that cannot be read', async () => {
    let finish = (): void => undefined;
    let looks = 0;
    answer = ({ method }, response) => {
      if (method === 'POST') {
        finish = () => json(response, 204);
        return;
      }
      looks += 1;
      json(response, 500, {});
    };
    const upgrading = driver.controlPlane.upgrade(
      cp1,
      'kube-apiserver',
      { version: to },
      context(),
    );
    await eventually(async () => looks > 0, { timeoutMs: 5_000 });
    finish();
    await upgrading;
    expect(posts()).toHaveLength(1);
  });

  it.each([
    { code: 'request-malformed', status: 400, port: 'rejected' },
    { code: 'not-found', status: 404, port: 'not-found' },
    { code: 'unknown-version', status: 400, port: 'rejected' },
    { code: 'start-failed', status: 500, port: 'unexpected' },
    { code: 'stop-failed', status: 500, port: 'unexpected' },
    { code: 'restore-failed', status: 500, port: 'unexpected' },
  ])('hands on $code as $port', async ({ code, status, port }) => {
    answer = (_request, response) => json(response, status, { code, message: 'said so' });
    expect(
      await refusalOf(driver.nodes.upgradeNode('worker-1' as NodeName, to, context())),
    ).toEqual({
      code: port,
      message: 'replacing the kubelet of worker-1 by 1.29.15: said so',
    });
  });

  it('does not take an answer for something that it is not', async () => {
    answer = (_request, response) => json(response, 200, { cluster: 'prod' });
    const listing = driver.controlPlane.availableVersions(context().signal);
    expect(await refusalOf(listing)).toMatchObject({
      code: 'unexpected',
      message: expect.stringContaining('is not what the protocol says') as string,
    });
  });

  it('refuses a release that is none', async () => {
    const status = { ...statusWith('1.28.15'), versions: ['newest'] };
    answer = (_request, response) => json(response, 200, status);
    expect(await refusalOf(driver.controlPlane.availableVersions(context().signal))).toEqual({
      code: 'unexpected',
      message: 'the lab offers a version that is none: "newest"',
    });
  });

  it('says that no lab is there', async () => {
    const nobody = createLabDriver(path.join(directory, 'none.sock'));
    const listing = nobody.controlPlane.availableVersions(context().signal);
    expect(await refusalOf(listing)).toMatchObject({ code: 'unreachable' });
    await nobody.close();
  });

  it('stops waiting when it is cancelled', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    answer = ({ method }, response) => {
      if (method === 'POST') controller.abort(reason);
      else json(response, 200, statusWith('1.28.15'));
    };
    const upgrading = driver.controlPlane.upgrade(
      cp1,
      'kube-apiserver',
      { version: to },
      context(controller.signal),
    );
    await expect(upgrading).rejects.toBe(reason);
  });
});
