// docker-compose.yml against the Compose Specification's own loader: unknown keys, broken
// references and missing variables are errors there as they are for `docker compose config`.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const variables = {
  POSTGRES_USER: 'temporal',
  POSTGRES_PASSWORD: 'only-in-this-test',
  ASCENT_ACCESS_DIR: './access',
};

interface ComposeProject {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly healthcheck?: { readonly test: readonly string[] };
        readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
        readonly ports?: readonly { readonly host_ip?: string; readonly published: string }[];
      }
    >
  >;
}

function composeConfig(environment: Readonly<Record<string, string>>) {
  const { PATH, HOME, GOPROXY, GOFLAGS, GOCACHE, GOMODCACHE } = process.env;
  const go = { PATH, HOME, GOPROXY, GOFLAGS, GOCACHE, GOMODCACHE };
  const result = spawnSync(
    'go',
    ['run', '-C', 'tools/compose-config', '-mod=readonly', '.', join(root, 'docker-compose.yml')],
    { cwd: root, encoding: 'utf8', env: { ...go, ...environment } },
  );
  // A first run also tells on stderr which modules it downloads.
  const stderr = result.stderr.replaceAll(/^go: downloading .*\n/gm, '');
  return { status: result.status, stdout: result.stdout, stderr };
}

describe('docker-compose.yml', () => {
  it('is accepted by the Compose loader, pins every image and starts in order', () => {
    const { status, stdout, stderr } = composeConfig(variables);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { services } = JSON.parse(stdout) as ComposeProject;
    const order = Object.fromEntries(
      Object.entries(services).map(([name, { depends_on: dependsOn = {} }]) => [
        name,
        Object.fromEntries(
          Object.entries(dependsOn).map(([other, { condition }]) => [other, condition]),
        ),
      ]),
    );
    expect(order).toEqual({
      postgresql: {},
      'temporal-schema': { postgresql: 'service_healthy' },
      temporal: { 'temporal-schema': 'service_completed_successfully' },
      'temporal-namespace': { temporal: 'service_healthy' },
      'temporal-ui': { temporal: 'service_healthy' },
      worker: {
        temporal: 'service_healthy',
        'temporal-namespace': 'service_completed_successfully',
      },
    });
    for (const { image } of Object.values(services)) expect(image).toMatch(/:[\w.-]*\d+\.\d+/);
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published.map(({ host_ip: address }) => address)).toEqual(['127.0.0.1', '127.0.0.1']);
  }, 180_000);

  it('asks PostgreSQL over TCP and the UI with GET, as each can answer', () => {
    const { services } = JSON.parse(composeConfig(variables).stdout) as ComposeProject;
    const checks = Object.entries(services).map(([name, { healthcheck }]) => [
      name,
      healthcheck?.test[1],
    ]);
    expect(Object.fromEntries(checks.filter(([, check]) => check !== undefined))).toEqual({
      postgresql: 'pg_isready --host 127.0.0.1 --username "$POSTGRES_USER"',
      temporal: 'nc -z 127.0.0.1 7233',
      'temporal-ui': 'curl --fail --silent --output /dev/null http://127.0.0.1:8080/healthz',
    });
  }, 300_000);

  it('gives the worker what restores a snapshot', () => {
    const dockerfile = readFileSync(join(root, 'deploy', 'Dockerfile'), 'utf8');
    expect(dockerfile).toMatch(/^COPY --from=\S+\/etcd:v3\.5\.\d+ \S+\/etcd \S+\/etcdutl /m);
  });

  it('refuses to start without the passwords and names each variable', () => {
    const { status, stderr } = composeConfig({});
    expect(status).toBe(1);
    for (const name of Object.keys(variables)) expect(stderr).toContain(`set ${name} in .env`);
  }, 300_000);

  it('has every required variable in .env.example, without a value for the password', () => {
    const example = readFileSync(join(root, '.env.example'), 'utf8');
    for (const name of Object.keys(variables)) {
      expect(example).toMatch(new RegExp(`^${name}=`, 'm'));
    }
    expect(example).toMatch(/^POSTGRES_PASSWORD=$/m);
  });
});
