// What the supervisor answers over its socket, with a host that only notes what it is asked.

import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { LabControl } from '../../../lab/control';
import { LabProblemError } from '../../../lab/supervisor/problem';
import { serveLab, type LabHost } from '../../../lab/supervisor/server';

interface Answer {
  readonly status: number | undefined;
  readonly body: unknown;
}

describe('the server of a lab', () => {
  let directory: string;
  let socket: string;
  let server: Server;
  let asked: unknown[];

  const note =
    (what: string) =>
    (...args: readonly unknown[]): Promise<void> => {
      asked.push([what, ...args]);
      return Promise.resolve();
    };
  const host: LabHost = {
    status: () =>
      Promise.resolve({
        cluster: 'unit',
        members: [],
        nodes: [],
        versions: [],
        etcdVersions: [],
      }),
    needs: () => Promise.resolve({ items: [{ kind: 'pki', name: 'ca.crt', base64: '' }] }),
    progress: () => {
      throw new Error('the disk is on fire');
    },
    changeApiServer: note('api-server'),
    changeControllers: () =>
      Promise.reject(new LabProblemError('unknown-version', 'there is no 1.99.0')),
    changeEtcd: note('etcd'),
    changeKubelet: note('kubelet'),
    repairEtcd: note('etcd-repair'),
    restore: async (order) => {
      await note('restore')(order);
      return { lost: [{ member: 'cp-3', problem: 'its disk is gone' }] };
    },
    restoreStatus: () => Promise.resolve(undefined),
    fault: (fault) => void note('fault')(fault),
    shutdown: () => void note('shutdown')(),
  };

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-server-'));
    socket = path.join(directory, 's');
    server = await serveLab(host, socket);
  });

  beforeEach(() => {
    asked = [];
  });

  afterAll(async () => {
    server.close();
    await once(server, 'close');
    await rm(directory, { recursive: true, force: true });
  });

  async function send(method: string, where: string, body = ''): Promise<Answer> {
    const sent = request({ socketPath: socket, method, path: where, agent: false });
    const answered = new Promise<Answer>((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode, body: JSON.parse(text) as unknown }),
        );
      });
    });
    sent.end(body);
    return answered;
  }

  it('lets only the owner in', async () => {
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
  });

  it('tells what a restore needs', async () => {
    expect(await send('GET', '/v1/needs')).toEqual({
      status: 200,
      body: { items: [{ kind: 'pki', name: 'ca.crt', base64: '' }] },
    });
  });

  it('hands on what is asked, names decoded', async () => {
    await send('POST', '/v1/nodes/worker%2D1/kubelet', '{"version":"1.29.15"}');
    await new LabControl(socket).changeApiServer('cp-1', { version: '1.30.14' });
    const emulating = { version: '1.32.5', emulates: '1.31' };
    await new LabControl(socket).changeApiServer('cp-2', emulating);
    await send('POST', '/v1/lab/shutdown');

    expect(asked).toEqual([
      ['kubelet', 'worker-1', '1.29.15'],
      ['api-server', 'cp-1', { version: '1.30.14' }],
      ['api-server', 'cp-2', emulating],
      ['shutdown'],
    ]);
  });

  it('tells which etcd members a restore went on without, and repairs one', async () => {
    const order = {
      restoreId: 'r-1',
      snapshotFile: '/s/db',
      snapshotRevision: 7,
      version: '1.28.15',
    };
    const control = new LabControl(socket);

    expect(await control.restore(order)).toEqual({
      lost: [{ member: 'cp-3', problem: 'its disk is gone' }],
    });
    await control.repairEtcd('cp-3');

    expect(asked).toEqual([
      ['restore', order],
      ['etcd-repair', 'cp-3'],
    ]);
  });

  const malformed = 'the request is malformed: ';
  it.each([
    [
      'no release',
      '/v1/nodes/worker-1/kubelet',
      '{"version":"1.29"}',
      `${malformed}version: expected a release like 1.29.15`,
    ],
    [
      'nothing',
      '/v1/members/cp-1/api-server',
      '',
      `${malformed}version: Invalid input: expected string, received undefined`,
    ],
    [
      'a patch to serve as',
      '/v1/members/cp-1/api-server',
      '{"version":"1.32.5","emulates":"1.31.4"}',
      `${malformed}emulates: expected a minor like 1.31`,
    ],
    ['no JSON', '/v1/restore', '{"restoreId"', `${malformed}its body is no JSON`],
    [
      'too much',
      '/v1/restore',
      `"${'x'.repeat(70_000)}"`,
      `${malformed}its body has more than 65536 bytes`,
    ],
    [
      'a name that cannot be decoded',
      '/v1/nodes/%E0%A4/kubelet',
      '{"version":"1.29.15"}',
      `${malformed}"%E0%A4" in its path is not percent-encoded`,
    ],
  ])('refuses %s with a sentence, and asks nobody', async (_, where, body, message) => {
    expect(await send('POST', where, body)).toEqual({
      status: 400,
      body: { code: 'request-malformed', message },
    });
    expect(asked).toEqual([]);
  });

  it.each([
    ['GET', '/v1/nonsense', 404, { code: 'not-found', message: 'no GET /v1/nonsense here' }],
    ['GET', '/v1/restore/r-1', 404, { code: 'not-found', message: 'no restore r-1' }],
    ['GET', '/v1/lab?x=1', 500, { code: 'start-failed', message: 'the disk is on fire' }],
  ])('answers %s %s with %d', async (method, where, status, body) => {
    expect(await send(method, where)).toEqual({ status, body });
  });

  it('tells a caller the refusal of the host', async () => {
    const refused = new LabControl(socket).changeControllers('cp-1', { version: '1.99.0' });

    await expect(refused).rejects.toMatchObject({
      code: 'request-refused',
      message: 'POST /v1/members/cp-1/controllers: there is no 1.99.0',
      problems: ['unknown-version'],
    });
  });
});
