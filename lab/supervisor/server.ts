// The lab protocol over a Unix socket: reads requests, checks them, calls the supervisor, and
// turns what is thrown into LabProblem. What the requests mean is decided elsewhere.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { chmod, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { z } from 'zod';

import type {
  LabNeeds,
  LabProblem,
  LabRestoreRequest,
  LabRestoreResult,
  LabRestoreStatus,
  LabStatus,
  LabVersionRequest,
} from '../../activities/drivers/lab-protocol';
import { parseMinor, parseVersion } from '../../domain/versions';
import { labFaultSchema, type LabProgress } from '../lab-faults';
import { messageOf } from '../lab-error';
import { LabProblemError } from './problem';

/** What the routes need; supervisor.ts implements it. */
export interface LabHost {
  status(): Promise<LabStatus>;
  needs(): Promise<LabNeeds>;
  progress(): LabProgress;
  changeApiServer(member: string, to: LabVersionRequest): Promise<void>;
  changeControllers(member: string, to: LabVersionRequest): Promise<void>;
  changeEtcd(member: string, version: string): Promise<void>;
  changeKubelet(node: string, version: string): Promise<void>;
  repairEtcd(member: string): Promise<void>;
  restore(order: LabRestoreRequest): Promise<LabRestoreResult>;
  restoreStatus(restoreId: string): Promise<LabRestoreStatus | undefined>;
  fault(fault: z.output<typeof labFaultSchema>): void;
  /** Begins to stop everything; the socket goes away when it is done. */
  shutdown(): void;
}

const bodyBytesMax = 64 * 1024;

const versionRequestSchema = z.object({
  version: z
    .string()
    .refine((text) => parseVersion(text) === text, 'expected a release like 1.29.15'),
});

const programRequestSchema = versionRequestSchema.extend({
  emulates: z
    .string()
    .refine((text) => parseMinor(text) === text, 'expected a minor like 1.31')
    .optional(),
});

const restoreRequestSchema = z.object({
  restoreId: z.string().min(1).max(200),
  snapshotFile: z.string().min(1),
  snapshotRevision: z.number().int().nonnegative(),
  version: versionRequestSchema.shape.version,
  etcdVersion: versionRequestSchema.shape.version.optional(),
});

type Handler = (parts: {
  readonly name: string;
  readonly body: unknown;
  readonly host: LabHost;
}) => Promise<unknown>;

function malformed(why: string): LabProblemError {
  return new LabProblemError('request-malformed', `the request is malformed: ${why}`);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw malformed(`"${name}" in its path is not percent-encoded`);
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`,
  );
  throw malformed(problems.join('; '));
}

const done = {} as const;

const routes: readonly (readonly [method: string, path: RegExp, handle: Handler])[] = [
  ['GET', /^\/v1\/status$/, ({ host }) => host.status()],
  ['GET', /^\/v1\/needs$/, ({ host }) => host.needs()],
  ['GET', /^\/v1\/lab$/, ({ host }) => Promise.resolve(host.progress())],
  [
    'POST',
    /^\/v1\/members\/([^/]+)\/api-server$/,
    async ({ name, body, host }) => {
      await host.changeApiServer(name, parsed(programRequestSchema, body));
      return done;
    },
  ],
  [
    'POST',
    /^\/v1\/members\/([^/]+)\/controllers$/,
    async ({ name, body, host }) => {
      await host.changeControllers(name, parsed(programRequestSchema, body));
      return done;
    },
  ],
  [
    'POST',
    /^\/v1\/members\/([^/]+)\/etcd$/,
    async ({ name, body, host }) => {
      await host.changeEtcd(name, parsed(versionRequestSchema, body).version);
      return done;
    },
  ],
  [
    'POST',
    /^\/v1\/members\/([^/]+)\/etcd-repair$/,
    async ({ name, host }) => {
      await host.repairEtcd(name);
      return done;
    },
  ],
  [
    'POST',
    /^\/v1\/nodes\/([^/]+)\/kubelet$/,
    async ({ name, body, host }) => {
      await host.changeKubelet(name, parsed(versionRequestSchema, body).version);
      return done;
    },
  ],
  ['POST', /^\/v1\/restore$/, ({ body, host }) => host.restore(parsed(restoreRequestSchema, body))],
  [
    'GET',
    /^\/v1\/restore\/([^/]+)$/,
    async ({ name, host }) => {
      const status = await host.restoreStatus(name);
      if (status === undefined) throw new LabProblemError('not-found', `no restore ${name}`);
      return status;
    },
  ],
  [
    'POST',
    /^\/v1\/lab\/faults$/,
    ({ body, host }) => {
      host.fault(parsed(labFaultSchema, body));
      return Promise.resolve(done);
    },
  ],
  [
    'POST',
    /^\/v1\/lab\/shutdown$/,
    ({ host }) => {
      host.shutdown();
      return Promise.resolve(done);
    },
  ],
];

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw malformed(`its body has more than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw malformed('its body is no JSON');
  }
}

function problemOf(error: unknown): { readonly status: number; readonly problem: LabProblem } {
  if (error instanceof LabProblemError) return { status: error.status, problem: error.problem };
  return { status: 500, problem: { code: 'start-failed', message: messageOf(error) } };
}

async function answer(
  host: LabHost,
  request: IncomingMessage,
): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const [pathname = '/'] = (request.url ?? '/').split('?');
    for (const [method, path, handle] of routes) {
      const match = path.exec(pathname);
      if (match !== null && method === request.method) {
        const name = decoded(match[1] ?? '');
        return { status: 200, body: await handle({ name, body: await readBody(request), host }) };
      }
    }
    throw new LabProblemError('not-found', `no ${request.method ?? ''} ${pathname} here`);
  } catch (error) {
    const { status, problem } = problemOf(error);
    return { status, body: problem };
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/**
 * Listens on the socket, which only the owner may use. A socket of a dead supervisor is replaced.
 */
export async function serveLab(host: LabHost, socket: string): Promise<Server> {
  await rm(socket, { force: true });
  const server = createServer((request, response) => {
    void answer(host, request).then(({ status, body }) => {
      send(response, status, body);
    });
  });
  // A restore takes longer than Node's default limits allow a request to.
  server.requestTimeout = 0;
  server.timeout = 0;
  const umask = process.umask(0o177);
  server.listen(socket);
  await once(server, 'listening');
  process.umask(umask);
  await chmod(socket, 0o600);
  return server;
}
