// The version that the members of etcd have agreed on, as one of them tells it: it is in no answer
// of the gRPC API, only in `GET /version` of the address that clients use.

import { request } from 'node:https';

import type { EtcdCredentials } from './etcd-channel';
import { parseJson } from './json';

const timeoutMs = 3_000;
const answerCharsMax = 4_096;

/** `3.5.0`; undefined when it does not tell, or nothing of the kind. Never throws. */
export function etcdClusterVersion(
  endpoint: string,
  { ca, certificate: cert, key }: EtcdCredentials,
  signal: AbortSignal,
): Promise<string | undefined> {
  const bound = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve) => {
    const asked = request(
      `${endpoint}/version`,
      { ca, cert, key, agent: false, signal: bound },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          if (text.length < answerCharsMax) text += chunk;
        });
        response.on('error', () => resolve(undefined));
        response.on('end', () => resolve(versionIn(parseJson(text))));
      },
    );
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}

function versionIn(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('etcdcluster' in answer)) return undefined;
  const { etcdcluster } = answer;
  return typeof etcdcluster === 'string' && etcdcluster !== '' ? etcdcluster : undefined;
}
