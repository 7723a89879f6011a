import { readWorkerConfig } from '../../worker/config';
import { WorkerError } from '../../worker/worker-error';

type Given = Parameters<typeof readWorkerConfig>[0];

function problemsOf(given: Partial<Given>): readonly string[] {
  try {
    readWorkerConfig({ flags: {}, env: {}, ...given });
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    expect(error.code).toBe('config-invalid');
    return error.problems;
  }
  return [];
}

const defaults = {
  accessFiles: ['access.json'],
  only: 'both',
  maxCachedWorkflows: 250,
  maxConcurrentActivities: 100,
  shutdownGraceMs: 5_000,
  shutdownForceMs: 30_000,
  connectTimeoutMs: 30_000,
  metricsAddress: undefined,
  healthAddress: undefined,
  logLevel: 'INFO',
  logFormat: 'text',
};

describe('readWorkerConfig', () => {
  it('needs nothing but an access file', () => {
    const config = readWorkerConfig({ flags: { access: ['access.json'] }, env: {} });
    expect(config).toEqual(defaults);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads the environment', () => {
    const env = {
      ASCENT_ACCESS: 'a.json:b.json:a.json',
      ASCENT_ONLY: 'activities',
      ASCENT_MAX_CACHED_WORKFLOWS: '50',
      ASCENT_MAX_CONCURRENT_ACTIVITIES: '20',
      ASCENT_SHUTDOWN_GRACE_MS: '0',
      ASCENT_SHUTDOWN_FORCE_MS: '10000',
      ASCENT_CONNECT_TIMEOUT_MS: '1000',
      ASCENT_METRICS_ADDRESS: '0.0.0.0:9464',
      ASCENT_HEALTH_ADDRESS: '[::1]:8080',
      ASCENT_LOG_LEVEL: 'WARN',
      ASCENT_LOG_FORMAT: 'json',
    };
    expect(readWorkerConfig({ flags: {}, env })).toEqual({
      accessFiles: ['a.json', 'b.json'],
      only: 'activities',
      maxCachedWorkflows: 50,
      maxConcurrentActivities: 20,
      shutdownGraceMs: 0,
      shutdownForceMs: 10_000,
      connectTimeoutMs: 1_000,
      metricsAddress: '0.0.0.0:9464',
      healthAddress: '[::1]:8080',
      logLevel: 'WARN',
      logFormat: 'json',
    });
  });

  it('lets what the caller gives win over the environment', () => {
    const config = readWorkerConfig({
      flags: { access: ['access.json'], maxCachedWorkflows: '30' },
      env: { ASCENT_ACCESS: 'other.json', ASCENT_MAX_CACHED_WORKFLOWS: '20' },
    });
    expect(config).toEqual({ ...defaults, maxCachedWorkflows: 30 });
  });

  it('takes an empty variable as absent', () => {
    const env = { ASCENT_ACCESS: 'access.json', ASCENT_LOG_LEVEL: '', ASCENT_METRICS_ADDRESS: '' };
    expect(readWorkerConfig({ flags: {}, env })).toEqual(defaults);
  });

  it('needs no access file for workflows only', () => {
    const config = readWorkerConfig({ flags: { only: 'workflows' }, env: {} });
    expect(config).toEqual({ ...defaults, accessFiles: [], only: 'workflows' });
  });
});

describe('readWorkerConfig refuses', () => {
  it('everything that is wrong at once, and says where it was said', () => {
    const problems = problemsOf({
      flags: { maxConcurrentActivities: '', logFormat: 'xml' },
      env: {
        ASCENT_ONLY: 'nothing',
        ASCENT_CONNECT_TIMEOUT_MS: '5m',
        ASCENT_HEALTH_ADDRESS: '8080',
        ASCENT_LOG_FORMAT: 'json',
      },
    });
    expect(problems).toEqual([
      'ASCENT_ONLY is "nothing", expected one of both, workflows, activities',
      '--max-concurrent-activities is "", expected an integer from 1 to 2000',
      'ASCENT_CONNECT_TIMEOUT_MS is "5m", expected an integer from 0 to 3600000',
      'ASCENT_HEALTH_ADDRESS is "8080", expected HOST:PORT, such as 127.0.0.1:9464',
      '--log-format is "xml", expected one of text, json',
      '--access and ASCENT_ACCESS are missing, expected the access file of a cluster' +
        ' (without one: --only workflows)',
    ]);
  });

  it.each(['1', '10001', '-5', '1e3', '600.5', ' 600'])(
    '%j as a number of cached workflows',
    (value) => {
      const env = { ASCENT_ACCESS: 'a.json', ASCENT_MAX_CACHED_WORKFLOWS: value };
      expect(problemsOf({ env })).toEqual([
        `ASCENT_MAX_CACHED_WORKFLOWS is "${value}", expected an integer from 2 to 10000`,
      ]);
    },
  );

  it.each(['localhost', ':9464', 'localhost:', 'localhost:70000'])('%j as an address', (value) => {
    const env = { ASCENT_ACCESS: 'a.json', ASCENT_METRICS_ADDRESS: value };
    expect(problemsOf({ env })).toHaveLength(1);
  });
});
