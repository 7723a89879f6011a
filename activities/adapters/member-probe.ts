// The MemberProbe port: each control-plane member asked at its own addresses, never through the
// load balancer, with the kubeconfig's CA and credentials.
// M1. What a member does not tell is an answer (`unobserved` with a Problem), not an exception;
//     only cancellation leaves as an exception.
// M2. From 1.32 on an API server may serve as an older minor. `/version` tells that from 1.33 on;
//     1.32 has it in its OpenAPI documents only (k8s.io/apiserver, EffectiveVersion).

import * as z from 'zod';

import type { ObservedUse } from '../../domain/deprecated-apis';
import type { MemberName } from '../../domain/names';
import {
  type ApiServerObservation,
  type ControllerObservation,
  type Problem,
  type MemberComponent,
  memberComponents,
} from '../../domain/observation';
import { oldestEmulator } from '../../domain/plan/emulation';
import {
  compareMinors,
  type KubeMinor,
  type KubeVersion,
  minorOf,
  parseMinor,
  parseVersion,
  type Programs,
} from '../../domain/versions';
import { type MemberProbe, PortError } from '../ports';
import { boundedCall } from './bounded-call';
import { deprecatedUseIn } from './deprecated-api-metrics';
import type { MemberDirectory } from './member-directory';
import { parseJson } from './json';
import { type HttpAnswer, HttpRefusal, type KubeConnection } from './kube-connection';
import { problemOf } from '../problems';

const defaultTimeoutMs = 5_000;
/** Metrics of a busy API server take seconds to write down. */
const metricsTimeoutMs = 30_000;

/** Builds the port for the members of a directory. A name that is not among them throws. */
export function createMemberProbe(
  connection: Pick<KubeConnection, 'get' | 'certificate' | 'lines'>,
  directory: Pick<MemberDirectory, 'members' | 'member'>,
  timeoutMs: number = defaultTimeoutMs,
): MemberProbe {
  const ask = (url: string, doing: string, signal: AbortSignal): Promise<HttpAnswer> =>
    boundedCall({ doing, timeoutMs, signal }, (inner) => connection.get(url, inner));
  return {
    members: async (signal) =>
      (await directory.members(signal)).map(({ name, apiServer }) => ({
        name: name as MemberName,
        endpoint: apiServer,
      })),
    apiServer: async (name, signal) => {
      const { apiServer } = await directory.member(name, signal);
      return observed(() => observeApiServer(apiServer, (url, doing) => ask(url, doing, signal)));
    },
    controllerManager: async (name, signal) => {
      const { controllerManager } = await directory.member(name, signal);
      return observed(() =>
        observeController(controllerManager, (url, doing) => ask(url, doing, signal)),
      );
    },
    scheduler: async (name, signal) => {
      const { scheduler } = await directory.member(name, signal);
      return observed(() => observeController(scheduler, (url, doing) => ask(url, doing, signal)));
    },
    deprecatedApis: async (name, signal) => {
      const { apiServer } = await directory.member(name, signal);
      return observed(() => observeDeprecatedUse(apiServer, connection, signal));
    },
    certificates: async (name, signal) => {
      const { apiServer, controllerManager, scheduler } = await directory.member(name, signal);
      const addresses: Readonly<Record<MemberComponent, string>> = {
        'kube-apiserver': apiServer,
        'kube-controller-manager': controllerManager,
        'kube-scheduler': scheduler,
      };
      const shown = await Promise.all(
        memberComponents.map(async (component) => {
          const certificate = await connection.certificate(addresses[component], signal);
          return certificate === undefined ? [] : [[component, certificate] as const];
        }),
      );
      return Object.fromEntries(shown.flat());
    },
  };
}

type Ask = (url: string, doing: string) => Promise<HttpAnswer>;
type Unobserved = { readonly kind: 'unobserved'; readonly problem: Problem };

async function observed<Observation>(
  observe: () => Promise<Observation>,
): Promise<Observation | Unobserved> {
  try {
    return await observe();
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    return { kind: 'unobserved', problem: problemOf(error) };
  }
}

async function observeDeprecatedUse(
  endpoint: string,
  connection: Pick<KubeConnection, 'lines'>,
  signal: AbortSignal,
): Promise<ObservedUse> {
  const url = `${endpoint}/metrics`;
  const doing = `asking ${url}`;
  return boundedCall({ doing, timeoutMs: metricsTimeoutMs, signal }, async (inner) => {
    try {
      return await deprecatedUseIn(await connection.lines(url, inner), Date.now());
    } catch (error) {
      if (!(error instanceof HttpRefusal)) throw error;
      refuseCredentials(doing, error);
      throw new PortError('unexpected', `${doing}: HTTP ${error.status}`);
    }
  });
}

/** 401 and 403 concern our credentials, whatever was asked. */
function refuseCredentials(doing: string, { status }: Pick<HttpAnswer, 'status'>): void {
  if (status === 401) throw new PortError('unauthorized', `${doing}: HTTP 401`);
  if (status === 403) throw new PortError('forbidden', `${doing}: HTTP 403`);
}

async function observeApiServer(endpoint: string, ask: Ask): Promise<ApiServerObservation> {
  const [programs, readiness, liveness] = await Promise.all([
    askPrograms(endpoint, ask),
    askChecks(endpoint, 'readyz', ask),
    askChecks(endpoint, 'livez', ask),
  ]);
  return {
    kind: 'observed',
    ...programs,
    ready: readiness.isGood,
    failingChecks: readiness.failing,
    ...(liveness.isGood ? {} : { failingLiveChecks: liveness.failing }),
  };
}

const versionSchema = z.object({
  gitVersion: z.string(),
  /** What it serves as; from 1.33 on. */
  emulationMajor: z.string().optional(),
  emulationMinor: z.string().optional(),
});

async function askPrograms(endpoint: string, ask: Ask): Promise<Programs> {
  const doing = `asking ${endpoint}/version`;
  const answer = await ask(`${endpoint}/version`, doing);
  refuseCredentials(doing, answer);
  const told = versionIn(answer.body);
  const version = told === undefined ? undefined : parseVersion(told.gitVersion);
  if (answer.status !== 200 || told === undefined || version === undefined) {
    const none = `HTTP ${answer.status} without a version`;
    throw unversioned(doing, answer, told === undefined ? none : `version "${told.gitVersion}"`);
  }
  const { emulationMajor: major, emulationMinor: minor } = told;
  const served =
    major !== undefined && minor !== undefined
      ? parseMinor(`${major}.${minor}`)
      : await askServed(version, endpoint, ask);
  return served === undefined || served === minorOf(version)
    ? { version }
    : { version, emulates: served };
}

/** M2. A small document, of the group of `/version` alone. */
async function askServed(
  version: KubeVersion,
  endpoint: string,
  ask: Ask,
): Promise<KubeMinor | undefined> {
  if (compareMinors(minorOf(version), oldestEmulator) < 0) return undefined;
  const doing = `asking ${endpoint}/openapi/v3/version`;
  const answer = await ask(`${endpoint}/openapi/v3/version`, doing);
  refuseCredentials(doing, answer);
  const told = openApiSchema.safeParse(parseJson(answer.body));
  const text = told.success ? told.data.info.version : undefined;
  const minor = /^v?\d+\.\d+/.exec(text ?? '')?.[0];
  if (answer.status === 200 && minor !== undefined) return parseMinor(minor);
  const said = text === undefined ? `HTTP ${answer.status} without a version` : `version "${text}"`;
  throw unversioned(doing, answer, said);
}

const openApiSchema = z.object({ info: z.object({ version: z.string() }) });

/** A server that starts or stops answers 503 to everything. */
function unversioned(doing: string, { status }: HttpAnswer, said: string): PortError {
  return new PortError(
    status >= 502 && status <= 504 ? 'unreachable' : 'unexpected',
    `${doing}: ${said}`,
  );
}

function versionIn(body: string): z.output<typeof versionSchema> | undefined {
  const parsed = versionSchema.safeParse(parseJson(body));
  return parsed.success ? parsed.data : undefined;
}

async function askChecks(
  endpoint: string,
  path: 'readyz' | 'livez',
  ask: Ask,
): Promise<{ readonly isGood: boolean; readonly failing: readonly string[] }> {
  const doing = `asking ${endpoint}/${path}`;
  const answer = await ask(`${endpoint}/${path}?verbose`, doing);
  refuseCredentials(doing, answer);
  return { isGood: answer.status === 200, failing: failingChecksIn(answer.body) };
}

/** Lines of `/readyz?verbose`: `[+]ping ok`, `[-]etcd failed: reason withheld`. */
function failingChecksIn(body: string): readonly string[] {
  return body.split('\n').flatMap((line) => /^\[-\](.+?) failed/.exec(line)?.[1] ?? []);
}

async function observeController(endpoint: string, ask: Ask): Promise<ControllerObservation> {
  const [healthy, version] = await Promise.all([
    askHealth(endpoint, ask),
    askBuildVersion(endpoint, ask),
  ]);
  return { kind: 'observed', version, healthy };
}

async function askHealth(endpoint: string, ask: Ask): Promise<boolean> {
  const doing = `asking ${endpoint}/healthz`;
  const answer = await ask(`${endpoint}/healthz`, doing);
  refuseCredentials(doing, answer);
  return answer.status === 200;
}

/** Controllers have no /version; their metrics carry what they were built from. */
async function askBuildVersion(endpoint: string, ask: Ask): Promise<KubeVersion> {
  const doing = `asking ${endpoint}/metrics`;
  const answer = await ask(`${endpoint}/metrics`, doing);
  refuseCredentials(doing, answer);
  const text = /^kubernetes_build_info\{[^}]*\bgit_version="([^"]+)"/m.exec(answer.body)?.[1];
  const version = text === undefined ? undefined : parseVersion(text);
  if (version !== undefined) return version;
  const said = text === undefined ? `HTTP ${answer.status} without` : `version "${text}" in`;
  throw new PortError('unexpected', `${doing}: ${said} kubernetes_build_info`);
}
