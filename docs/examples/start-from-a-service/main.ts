// A service that starts Kubernetes upgrades for others: a portal, a pipeline, a fleet manager.
// Everything it knows of Ascent is the typed client; it needs no access to any cluster.
//
//   POST /upgrades                       a spec as YAML; Idempotency-Key and X-Actor as headers
//   GET  /upgrades/CLUSTER               where it stands, and what it waits for
//   POST /upgrades/CLUSTER/approvals     { "gate": …, "planDigest": …, "reason": … }

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

import {
  AscentClient,
  AscentError,
  parseSpecFile,
  refusalSentence,
  specProblemText,
  startRefusalSentence,
} from 'ascent/client';
import type { AscentErrorCode, StartRefused } from 'ascent/client';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

// TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY or a profile, as for any Temporal client.
const client = await AscentClient.connect();

async function startUpgrade(request: IncomingMessage): Promise<Answer> {
  const parsed = parseSpecFile(await textOf(request), 'request');
  if (parsed.kind === 'invalid') {
    const problems = parsed.problems.map((problem) => specProblemText('request', problem));
    return { status: 400, body: { problems } };
  }
  const requestId = headerOf(request, 'idempotency-key');
  const result = await client.start(parsed.spec, {
    actor: actorOf(request),
    // The same key starts once, however often a caller tries again.
    ...(requestId === undefined ? {} : { requestId }),
  });
  if (result.kind === 'refused') {
    const { refusal } = result;
    return { status: statusOf(refusal), body: { refusal, sentence: sentenceOf(refusal) } };
  }
  const { plan, workflowId } = result;
  return {
    status: result.kind === 'started' ? 201 : 200,
    body: { workflowId, from: plan.from, to: plan.to, planDigest: plan.digest },
  };
}

function statusOf(refusal: StartRefused): number {
  switch (refusal.code) {
    case 'blocked':
      return 422;
    case 'upgrade-conflict':
      return 409;
    case 'worker-missing':
    case 'planning-failed':
      return 503;
  }
}

function sentenceOf(refusal: StartRefused): string {
  return refusal.code === 'upgrade-conflict'
    ? refusalSentence(refusal)
    : startRefusalSentence(refusal);
}

async function showUpgrade(cluster: string): Promise<Answer> {
  const { phase, sentence, gates, planDigest, result } = await client.status(cluster);
  const waitsFor = gates.map(({ id }) => id);
  return { status: 200, body: { phase, sentence, waitsFor, planDigest, outcome: result?.outcome } };
}

async function approve(cluster: string, request: IncomingMessage): Promise<Answer> {
  const { gate, planDigest, reason } = JSON.parse(await textOf(request)) as Record<string, string>;
  const accepted = await client.approve(cluster, {
    actor: actorOf(request),
    gate: gate ?? '',
    planDigest: planDigest ?? '',
    reason: reason ?? '',
  });
  return { status: 200, body: accepted };
}

/** What kind of answer each error is; the client's codes are stable. */
const statusOfErrors: Partial<Record<AscentErrorCode, number>> = {
  'upgrade-not-found': 404,
  'command-refused': 409,
  'upgrade-ended': 410,
  'worker-missing': 503,
  'temporal-unreachable': 503,
};

async function route(request: IncomingMessage): Promise<Answer> {
  const [, root, cluster, action, ...more] = (request.url ?? '').split('/');
  const place = `${request.method} ${root}`;
  if (place === 'POST upgrades' && cluster === undefined) return startUpgrade(request);
  if (place === 'POST upgrades' && cluster !== undefined && action === 'approvals') {
    return approve(cluster, request);
  }
  if (place === 'GET upgrades' && cluster !== undefined && more.length === 0) {
    return showUpgrade(cluster);
  }
  return { status: 404, body: { message: `there is nothing at ${request.url}` } };
}

async function answer(request: IncomingMessage): Promise<Answer> {
  try {
    return await route(request);
  } catch (error) {
    if (error instanceof SyntaxError) return { status: 400, body: { message: error.message } };
    if (!(error instanceof AscentError)) throw error;
    const { code, message, remedy } = error;
    return { status: statusOfErrors[code] ?? 500, body: { code, message, remedy } };
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** A real service takes it from its authentication, never from a header that anybody can send. */
function actorOf(request: IncomingMessage): string {
  return headerOf(request, 'x-actor') ?? 'start-from-a-service';
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body } = await answer(request).catch((error: unknown) => {
    console.error(error);
    return { status: 500, body: { message: 'unexpected' } };
  });
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

const server = createServer((request, response) => void handle(request, response));
server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  console.log(`listening on http://127.0.0.1:${port}`);
});

process.once('SIGTERM', () => {
  server.close();
  void client.close();
});
