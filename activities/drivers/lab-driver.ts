// ControlPlaneDriver and NodeDriver of the lab: its supervisor plays the host (lab-protocol.ts).
// L1. Every request may be repeated: the supervisor joins work that is under way. Giving up a
//     request gives up nothing but our waiting.
// L2. While a request is under way, what the supervisor says of it is told as the phase.

import { setTimeout as delay } from 'node:timers/promises';

import { Agent, request } from 'undici';
import * as z from 'zod';

import type { MemberUpgradeInput } from '../../domain/activity-contract';
import type { LostEtcdMember } from '../../domain/rollback-contract';
import type { MemberName, NodeName } from '../../domain/names';
import { type KubeVersion, parseVersion, type Programs, programsText } from '../../domain/versions';
import { boundedCall } from '../adapters/bounded-call';
import { parseJson } from '../adapters/json';
import type { DriverContext } from '../driver-context';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { PortError } from '../ports';
import type {
  LabNeeds,
  LabProblem,
  LabRestoreRequest,
  LabRestoreResult,
  LabRestoreStatus,
  LabStatus,
  LabVersionRequest,
} from './lab-protocol';

export interface LabDriver {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
  close(): Promise<void>;
}

const statusTimeoutMs = 10_000;
/** Start, drain and stop of one process, with its readiness. */
const changeTimeoutMs = 10 * 60_000;
const restoreTimeoutMs = 30 * 60_000;
const phasePollMs = 500;

const componentSchema = z.object({
  version: z.string(),
  emulates: z.string().optional(),
  running: z.boolean(),
});
const statusSchema = z.object({
  cluster: z.string(),
  members: z.array(
    z.object({
      name: z.string(),
      apiServer: componentSchema,
      controllers: componentSchema,
      etcd: componentSchema,
    }),
  ),
  nodes: z.array(z.object({ name: z.string(), kubelet: z.string() })),
  versions: z.array(z.string()),
  etcdVersions: z.array(z.string()),
}) satisfies z.ZodType<LabStatus>;

const restoreStatusSchema = z.object({
  restoreId: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  phase: z.string(),
}) satisfies z.ZodType<LabRestoreStatus>;

const needsSchema = z.object({
  items: z.array(
    z.object({
      kind: z.enum(['pki', 'flags']),
      name: z.string(),
      member: z.string().optional(),
      base64: z.base64(),
    }),
  ),
}) satisfies z.ZodType<LabNeeds>;

const restoreResultSchema = z.object({
  lost: z.array(z.object({ member: z.string(), problem: z.string() })),
}) satisfies z.ZodType<LabRestoreResult>;

const problemCodes: Readonly<Record<LabProblem['code'], PortError['code']>> = {
  // A driver and a lab of different releases: asking again cannot help.
  'request-malformed': 'rejected',
  'not-found': 'not-found',
  'unknown-version': 'rejected',
  'start-failed': 'unexpected',
  'stop-failed': 'unexpected',
  'restore-failed': 'unexpected',
};

const problemSchema = z.object({
  code: z.enum([
    'request-malformed',
    'not-found',
    'unknown-version',
    'start-failed',
    'stop-failed',
    'restore-failed',
  ]),
  message: z.string(),
}) satisfies z.ZodType<LabProblem>;

type MemberPart = 'api-server' | 'controllers' | 'etcd';

const partsOf: Readonly<Record<MemberUpgradeInput['component'], readonly MemberPart[]>> = {
  'kube-apiserver': ['api-server'],
  controllers: ['controllers'],
  member: ['api-server', 'controllers'],
};

function offered(versions: readonly string[]): readonly KubeVersion[] {
  return versions.map((text) => {
    const version = parseVersion(text);
    if (version !== undefined) return version;
    throw new PortError('unexpected', `the lab offers a version that is none: "${text}"`);
  });
}

/** Drivers over the Unix socket of a lab's supervisor. Methods throw PortError. */
export function createLabDriver(socket: string): LabDriver {
  const lab = new LabConnection(socket);

  async function changeMember(
    part: MemberPart,
    member: MemberName,
    to: Programs,
    context: DriverContext,
  ): Promise<void> {
    const { version, emulates } = to;
    const change: LabVersionRequest = emulates === undefined ? { version } : { version, emulates };
    const path = `/v1/members/${encodeURIComponent(member)}/${part}`;
    const doing = `replacing ${part} of ${member} by ${programsText(to)}`;
    const call = lab.post(
      { path, doing, body: change, timeoutMs: changeTimeoutMs },
      context.signal,
    );
    await narrate(call, context, (signal) => lab.memberPhase(part, member, signal));
  }

  async function changeComponents(
    member: MemberName,
    component: MemberUpgradeInput['component'],
    to: Programs,
    context: DriverContext,
  ): Promise<void> {
    for (const part of partsOf[component]) await changeMember(part, member, to, context);
  }

  return {
    controlPlane: {
      async availableVersions(signal) {
        return offered((await lab.status(signal)).versions);
      },
      async availableEtcdVersions(signal) {
        return offered((await lab.status(signal)).etcdVersions);
      },
      async restoreNeeds(signal) {
        const { items } = await lab.needs(signal);
        return items.map(({ kind, name, member, base64 }) => ({
          kind,
          name,
          ...(member === undefined ? {} : { member }),
          content: Buffer.from(base64, 'base64'),
        }));
      },
      upgrade: changeComponents,
      putBack: changeComponents,
      changeEtcd: (member, version, context) => changeMember('etcd', member, { version }, context),
      restore: (options, context) => restore(lab, options, context),
      repairEtcdMember: (member, context) => repairEtcdMember(lab, member, context),
    },
    nodes: {
      async upgradeNode(node: NodeName, to, context) {
        const change: LabVersionRequest = { version: to };
        const path = `/v1/nodes/${encodeURIComponent(node)}/kubelet`;
        const doing = `replacing the kubelet of ${node} by ${to}`;
        context.onPhase(doing);
        await lab.post({ path, doing, body: change, timeoutMs: changeTimeoutMs }, context.signal);
      },
    },
    close: () => lab.close(),
  };
}

async function restore(
  lab: LabConnection,
  options: LabRestoreRequest,
  context: DriverContext,
): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
  const { restoreId, snapshotFile, snapshotRevision, version, etcdVersion } = options;
  const by = { version, etcdVersion };
  const body: LabRestoreRequest = { restoreId, snapshotFile, snapshotRevision, ...by };
  const doing = `restoring snapshot file ${snapshotFile}`;
  const call = lab.ask(
    { path: '/v1/restore', doing, body, timeoutMs: restoreTimeoutMs },
    restoreResultSchema,
    context.signal,
  );
  await narrate(call, context, (signal) => lab.restorePhase(restoreId, signal));
  const { lost } = await call;
  return { lost: lost.map((one) => ({ ...one, member: one.member as MemberName })) };
}

async function repairEtcdMember(
  lab: LabConnection,
  member: MemberName,
  context: DriverContext,
): Promise<void> {
  const path = `/v1/members/${encodeURIComponent(member)}/etcd-repair`;
  const doing = `bringing etcd of ${member} back`;
  context.onPhase(doing);
  await lab.post({ path, doing, body: {}, timeoutMs: changeTimeoutMs }, context.signal);
}

/** Tells the phase, whenever it changes, until `call` ends (L2). Not telling it is no failure. */
async function narrate(
  call: Promise<unknown>,
  context: DriverContext,
  readPhase: (signal: AbortSignal) => Promise<string>,
): Promise<void> {
  const stop = new AbortController();
  const narrating = (async () => {
    let told = '';
    for (;;) {
      const phase = await readPhase(AbortSignal.any([context.signal, stop.signal]));
      if (phase !== told) context.onPhase(phase);
      told = phase;
      await delay(phasePollMs, undefined, { signal: stop.signal });
    }
  })().catch(() => undefined);
  try {
    await call;
  } finally {
    stop.abort();
    await narrating;
  }
}

function understood<Answer>(doing: string, schema: z.ZodType<Answer>, text: string): Answer {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const message = `${doing}: the answer is not what the protocol says: ${parsed.error.message}`;
  throw new PortError('unexpected', message);
}

interface Post {
  readonly path: string;
  readonly doing: string;
  readonly body: object;
  readonly timeoutMs: number;
}

class LabConnection {
  readonly #agent: Agent;
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
    // Limits are ours (boundedCall): a POST answers only when its work is done.
    this.#agent = new Agent({ connect: { socketPath: socket }, headersTimeout: 0, bodyTimeout: 0 });
  }

  status(signal: AbortSignal): Promise<LabStatus> {
    return this.#get('/v1/status', 'asking the lab for its status', statusSchema, signal);
  }

  needs(signal: AbortSignal): Promise<LabNeeds> {
    const doing = 'asking the lab what a restore needs';
    return this.#get('/v1/needs', doing, needsSchema, signal);
  }

  async memberPhase(part: MemberPart, name: MemberName, signal: AbortSignal): Promise<string> {
    const { members } = await this.status(signal);
    const member = members.find((item) => item.name === name);
    const component = member?.[part === 'api-server' ? 'apiServer' : part];
    if (component === undefined) return `${part} of ${name}: unknown to the lab`;
    return `${part} of ${name}: ${component.version}, ${component.running ? 'running' : 'stopped'}`;
  }

  async restorePhase(restoreId: string, signal: AbortSignal): Promise<string> {
    const path = `/v1/restore/${encodeURIComponent(restoreId)}`;
    const doing = `asking the lab for restore ${restoreId}`;
    return (await this.#get(path, doing, restoreStatusSchema, signal)).phase;
  }

  async post({ path, doing, body, timeoutMs }: Post, signal: AbortSignal): Promise<void> {
    await this.#call({ path, doing, timeoutMs, signal, body: JSON.stringify(body) });
  }

  /** A post whose answer counts. */
  async ask<Answer>(
    { path, doing, body, timeoutMs }: Post,
    schema: z.ZodType<Answer>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const request = { path, doing, timeoutMs, signal, body: JSON.stringify(body) };
    return understood(doing, schema, await this.#call(request));
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #get<Answer>(
    path: string,
    doing: string,
    schema: z.ZodType<Answer>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const text = await this.#call({ path, doing, timeoutMs: statusTimeoutMs, signal });
    return understood(doing, schema, text);
  }

  #call(call: {
    readonly path: string;
    readonly doing: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly body?: string;
  }): Promise<string> {
    return boundedCall(call, async (signal) => {
      const post = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: call.body ?? '',
      } as const;
      const answer = await request(`http://lab${call.path}`, {
        dispatcher: this.#agent,
        signal,
        ...(call.body === undefined ? {} : post),
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 200 && answer.statusCode < 300) return text;
      throw this.#refusal(call.doing, answer.statusCode, text);
    });
  }

  #refusal(doing: string, status: number, text: string): PortError {
    const parsed = problemSchema.safeParse(parseJson(text));
    if (parsed.success) {
      const { code, message } = parsed.data;
      return new PortError(problemCodes[code], `${doing}: ${message}`);
    }
    return new PortError('unexpected', `${doing}: HTTP ${status} from ${this.#socket}`);
  }
}
