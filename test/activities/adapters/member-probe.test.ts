import {
  type KubeConnection,
  openKubeConnection,
} from '../../../activities/adapters/kube-connection';
import { namedMembers } from '../../../activities/adapters/member-directory';
import { createMemberProbe } from '../../../activities/adapters/member-probe';
import type { MemberProbe } from '../../../activities/ports';
import type { MemberName } from '../../../domain/names';
import {
  type CannedServer,
  type Reaction,
  type SeenRequest,
  startCannedServer,
  writeKubeconfig,
} from './support/canned-server';
import { createAuthority } from './support/pki';
import { never } from './support/refusals';
import { temporaryDirectory } from './support/temporary-directory';

const directory = temporaryDirectory();
const member = 'cp-1' as MemberName;

let server: CannedServer;
let connection: KubeConnection;

beforeAll(async () => {
  const authority = await createAuthority('kube-ca');
  server = await startCannedServer(authority);
  const user = await authority.client('ascent');
  const kubeconfig = writeKubeconfig(directory, { server: server.url, ca: authority.ca, user });
  connection = openKubeConnection(kubeconfig);
});
afterAll(async () => {
  await connection.close();
  await server.close();
});

function probe(timeoutMs?: number): MemberProbe {
  const { url } = server;
  const members = [
    { name: 'cp-1', apiServer: url, controllerManager: url, scheduler: url },
  ] as const;
  return createMemberProbe(connection, namedMembers(members), timeoutMs);
}

/** Answers by path, without the query. */
function answering(answers: Readonly<Record<string, Reaction>>): (asked: SeenRequest) => Reaction {
  return ({ url }) => answers[url.split('?', 1)[0] ?? ''] ?? { status: 404, body: 'not found' };
}

const ok = { status: 200, body: 'ok' } as const;
const version = { status: 200, body: { major: '1', minor: '28', gitVersion: 'v1.28.15' } } as const;
/** As kube-apiserver 1.28 answers while it starts and while it stops. */
const notReady = [
  '[+]ping ok',
  '[-]etcd failed: reason withheld',
  '[+]informer-sync excluded: ok',
  '[-]poststarthook/rbac/bootstrap-roles failed: reason withheld',
  '[-]shutdown failed: reason withheld',
  'readyz check failed',
].join('\n');
const metrics = (build: string): Reaction => ({
  status: 200,
  body: `# HELP kubernetes_build_info ...\n# TYPE kubernetes_build_info gauge\n${build} 1\nup 1\n`,
});
const build =
  'kubernetes_build_info{build_date="2024-10-22T20:28:41Z",compiler="gc",git_commit="841856",' +
  'git_tree_state="clean",git_version="v1.28.15",go_version="go1.22.8",major="1",minor="28"}';

describe('an API server', () => {
  it('is observed with its version when it is ready', async () => {
    server.react(answering({ '/version': version, '/readyz': ok, '/livez': ok }));
    expect(await probe().apiServer(member, never)).toEqual({
      kind: 'observed',
      version: '1.28.15',
      ready: true,
      failingChecks: [],
    });
  });

  it('names the checks that fail', async () => {
    server.react(
      answering({ '/version': version, '/readyz': { status: 500, body: notReady }, '/livez': ok }),
    );
    expect(await probe().apiServer(member, never)).toEqual({
      kind: 'observed',
      version: '1.28.15',
      ready: false,
      failingChecks: ['etcd', 'poststarthook/rbac/bootstrap-roles', 'shutdown'],
    });
  });

  it('names the checks that say that it does not live', async () => {
    const notLive = '[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed';
    server.react(
      answering({ '/version': version, '/readyz': ok, '/livez': { status: 500, body: notLive } }),
    );
    expect(await probe().apiServer(member, never)).toEqual({
      kind: 'observed',
      version: '1.28.15',
      ready: true,
      failingChecks: [],
      failingLiveChecks: ['etcd'],
    });
  });

  it.each([
    { name: 'refuses the credentials', status: 401, code: 'unauthorized' },
    { name: 'gives no right to ask', status: 403, code: 'forbidden' },
    { name: 'is shutting down', status: 503, code: 'unreachable' },
    { name: 'answers nonsense', status: 200, code: 'unexpected' },
  ])('that $name is unobserved: $code', async ({ status, code }) => {
    server.react(answering({ '/version': { status, body: 'x' }, '/readyz': { status: 200 } }));
    expect(await probe().apiServer(member, never)).toEqual({
      kind: 'unobserved',
      problem: { code, message: expect.stringContaining(`${server.url}/version`) as string },
    });
  });

  describe('that may serve as another minor', () => {
    const said = (body: object): Reaction => ({ status: 200, body: JSON.stringify(body) });
    const good = { '/readyz': ok, '/livez': ok };
    const openApi = '/openapi/v3/version';
    const observed = { kind: 'observed', ready: true, failingChecks: [] };
    const v132 = said({ gitVersion: 'v1.32.5', major: '1', minor: '32' });

    it.each([
      ['1.33 says so itself', { gitVersion: 'v1.33.13', emulationMinor: '32' }, '1.32'],
      ['1.33 says that it does not', { gitVersion: 'v1.33.13', emulationMinor: '33' }, undefined],
    ])('%s', async (_, told, emulates) => {
      server.react(answering({ ...good, '/version': said({ ...told, emulationMajor: '1' }) }));
      expect(await probe().apiServer(member, never)).toEqual({
        ...observed,
        version: '1.33.13',
        ...(emulates === undefined ? {} : { emulates }),
      });
    });

    it.each([
      ['1.31', '1.31'],
      ['v1.32.5', undefined],
    ])('1.32 has it in its OpenAPI document: %s', async (text, emulates) => {
      const document = said({ info: { title: 'Kubernetes', version: text } });
      server.react(answering({ ...good, '/version': v132, [openApi]: document }));
      expect(await probe().apiServer(member, never)).toEqual({
        ...observed,
        version: '1.32.5',
        ...(emulates === undefined ? {} : { emulates }),
      });
    });

    it.each([
      [{ status: 404, body: '' }, 'unexpected', 'HTTP 404 without a version'],
      [{ status: 503, body: '' }, 'unreachable', 'HTTP 503 without a version'],
      [said({ info: { version: 'unversioned' } }), 'unexpected', 'version "unversioned"'],
    ])('that does not tell is unobserved', async (answer, code, why) => {
      server.react(answering({ ...good, '/version': v132, [openApi]: answer }));
      expect(await probe().apiServer(member, never)).toEqual({
        kind: 'unobserved',
        problem: { code, message: `asking ${server.url}${openApi}: ${why}` },
      });
    });
  });

  it('that does not answer is unobserved: timeout', async () => {
    server.react(() => 'hang');
    expect(await probe(100).apiServer(member, never)).toEqual({
      kind: 'unobserved',
      problem: {
        code: 'timeout',
        message: expect.stringMatching(/^asking .*: no answer within 0\.1 s$/) as string,
      },
    });
  });

  it('that is asked for under an unknown name is a mistake of ours', async () => {
    await expect(probe().apiServer('cp-9' as MemberName, never)).rejects.toThrow(
      'member cp-9 is not in the access file',
    );
  });

  it('is not observed after a cancellation', async () => {
    const reason = new Error('cancelled');
    await expect(probe().apiServer(member, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe.each(['controllerManager', 'scheduler'] as const)('the %s', (component) => {
  it('tells its version through its metrics', async () => {
    const healthy = { status: 200, body: 'ok' } as const;
    server.react(answering({ '/healthz': healthy, '/metrics': metrics(build) }));
    expect(await probe()[component](member, never)).toEqual({
      kind: 'observed',
      version: '1.28.15',
      healthy: true,
    });
  });

  it('is unhealthy when its health check fails', async () => {
    server.react(answering({ '/healthz': { status: 500, body: 'x' }, '/metrics': metrics(build) }));
    expect(await probe()[component](member, never)).toMatchObject({ healthy: false });
  });

  it('is unobserved without a build in its metrics', async () => {
    server.react(answering({ '/healthz': { status: 200 }, '/metrics': metrics('other{}') }));
    expect(await probe()[component](member, never)).toEqual({
      kind: 'unobserved',
      problem: {
        code: 'unexpected',
        message: `asking ${server.url}/metrics: HTTP 200 without kubernetes_build_info`,
      },
    });
  });

  it('is unobserved without the right to read its metrics', async () => {
    server.react(answering({ '/healthz': { status: 200 }, '/metrics': { status: 403 } }));
    expect(await probe()[component](member, never)).toEqual({
      kind: 'unobserved',
      problem: { code: 'forbidden', message: `asking ${server.url}/metrics: HTTP 403` },
    });
  });
});

describe('certificates', () => {
  const hourSeconds = 3_600;

  it('are told of every component, with the first end of their chain', async () => {
    const shown = await probe().certificates(member, never);
    expect(Object.keys(shown)).toEqual([
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
    ]);
    const { expiresAt = '', expiresInSeconds = 0 } = shown['kube-apiserver'] ?? {};
    expect(expiresInSeconds).toBeGreaterThan(hourSeconds - 120);
    expect(expiresInSeconds).toBeLessThanOrEqual(hourSeconds);
    expect(new Date(expiresAt).toISOString()).toBe(expiresAt);
  });

  it('that another authority has signed, or that nobody shows, are not told', async () => {
    const other = await startCannedServer(await createAuthority('other-ca'));
    const closed = await startCannedServer(await createAuthority('closed-ca'));
    await closed.close();
    const members = [
      {
        name: 'cp-1',
        apiServer: other.url,
        controllerManager: closed.url,
        scheduler: server.url,
      },
    ] as const;
    const shown = await createMemberProbe(connection, namedMembers(members)).certificates(
      member,
      never,
    );
    await other.close();
    expect(Object.keys(shown)).toEqual(['kube-scheduler']);
  });

  it('are not read after a cancellation', async () => {
    const reason = new Error('cancelled');
    await expect(probe().certificates(member, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('deprecated APIs', () => {
  const total = (labels: string, count: number) => `apiserver_request_total{${labels}} ${count}`;
  const asked = (labels: string, value: number) =>
    `apiserver_requested_deprecated_apis{${labels}} ${value}`;
  const jobs = 'group="batch",resource="cronjobs",version="v1beta1"';

  it('are those that were asked for, with the requests of every verb and code', async () => {
    const body = [
      '# HELP apiserver_request_total Counter of requests',
      total(`code="200",${jobs},subresource="",verb="GET"`, 3),
      total(`code="404",${jobs},subresource="",verb="PATCH"`, 2),
      total(`code="200",${jobs},subresource="status",verb="GET"`, 7),
      total('code="200",group="",resource="pods",subresource="",verb="GET",version="v1"', 900),
      asked(`${jobs},removed_release="1.25",subresource="status"`, 1),
      asked(`${jobs},removed_release="1.25",subresource=""`, 1),
      asked('group="",removed_release="",resource="componentstatuses",version="v1"', 1),
      asked('group="old",removed_release="1.30",resource="things",version="v1"', 0),
      'apiserver_requested_deprecated_apis{group="torn',
    ].join('\n');
    server.react(answering({ '/metrics': { status: 200, body } }));
    const api = { group: 'batch', version: 'v1beta1', removedIn: '1.25' };
    expect(await probe().deprecatedApis(member, never)).toEqual({
      kind: 'observed',
      items: [
        { ...api, resource: 'cronjobs/status', requests: 7 },
        { ...api, resource: 'cronjobs', requests: 5 },
        { group: '', version: 'v1', resource: 'componentstatuses', requests: 0 },
      ],
    });
  });

  it('come with what priority levels have turned away', async () => {
    const flow = (name: string, labels: string, value: number) =>
      `apiserver_flowcontrol_${name}{${labels}} ${value}`;
    const [low, high] = ['workload-low', 'workload-high'].map((one) => `priority_level="${one}"`);
    const body = [
      flow('rejected_requests_total', `flow_schema="a",${low},reason="queue-full"`, 4),
      flow('rejected_requests_total', `flow_schema="b",${low},reason="time-out"`, 3),
      flow('rejected_requests_total', `flow_schema="b",${low},reason="cancelled"`, 50),
      flow('rejected_requests_total', `flow_schema="c",${high},reason="queue-full"`, 0),
      flow('current_inqueue_requests', `flow_schema="a",${low}`, 1),
      flow('current_inqueue_requests', `flow_schema="b",${low}`, 1),
      flow('current_executing_seats', `flow_schema="a",${low}`, 20),
      flow('nominal_limit_seats', `${low}`, 24),
      flow('nominal_limit_seats', `${high}`, 98),
      flow('dispatched_requests_total', `flow_schema="a",${low}`, 900),
      'apiserver_flowcontrol_rejected_requests_total{flow_schema="torn',
    ].join('\n');
    server.react(answering({ '/metrics': { status: 200, body } }));
    expect(await probe().deprecatedApis(member, never)).toEqual({
      kind: 'observed',
      items: [],
      rejecting: [{ level: 'workload-low', rejected: 7, waiting: 2, used: 20, limit: 24 }],
    });
  });

  it.each([
    ['two hours ago', -7_200, 7_200],
    ['by a clock that is ahead', 60, 1],
  ])('are counted since its start, %s', async (_when, fromNow, least) => {
    const started = Math.round(Date.now() / 1_000) + fromNow;
    const body = `process_start_time_seconds ${started.toExponential()}\n`;
    server.react(answering({ '/metrics': { status: 200, body } }));
    const use = await probe().deprecatedApis(member, never);
    expect(use).toEqual({ kind: 'observed', items: [], upSeconds: expect.any(Number) as number });
    if (use.kind === 'unobserved' || use.upSeconds === undefined) throw new Error('not told');
    expect([use.upSeconds >= least, use.upSeconds < least + 3_600]).toEqual([true, true]);
  });

  it.each([
    { status: 403, code: 'forbidden', said: 'HTTP 403' },
    { status: 401, code: 'unauthorized', said: 'HTTP 401' },
    { status: 500, code: 'unexpected', said: 'HTTP 500' },
  ])('are not known when metrics answer $status', async ({ status, code, said }) => {
    server.react(answering({ '/metrics': { status, body: 'no' } }));
    expect(await probe().deprecatedApis(member, never)).toEqual({
      kind: 'unobserved',
      problem: { code, message: `asking ${server.url}/metrics: ${said}` },
    });
  });
});
