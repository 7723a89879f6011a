// Asks every API server by itself, without credentials, whether it serves in a version: what
// somebody outside of the engine sees.

import { Agent, get } from 'node:https';

import type { LabFile, LabMember } from '../lab/lab-file';
import { apiServerUrl } from '../lab/flags';
import { eventually } from '../lab/waiting';

/** An API server that begins to listen keeps its first callers waiting until it can answer. */
const askTimeoutMs = 250;
/** A question costs the server a handshake, in the moment in which it has none to spare. */
const everyMs = 100;
/** A connection for each question, of one TLS session. */
const agent = new Agent({ keepAlive: false });

/** Resolves when each has been ready in that version; throws when the time is up. */
export async function untilAllServe(
  lab: LabFile,
  ca: string,
  { version, timeoutMs }: { readonly version: string; readonly timeoutMs: number },
): Promise<void> {
  const untilServing = async (member: LabMember): Promise<void> => {
    const serves = async (): Promise<boolean> => {
      if ((await ask(`${apiServerUrl(member)}/readyz`, ca)) !== 'ok') return false;
      const told = await ask(`${apiServerUrl(member)}/version`, ca);
      return told?.includes(`"v${version}"`) === true;
    };
    if (await eventually(serves, { timeoutMs, everyMs })) return;
    throw new Error(`${member.name} was not ready in ${version} within ${timeoutMs / 1_000} s`);
  };
  await Promise.all(lab.members.map(untilServing));
}

/** Undefined for anything but 200. */
function ask(url: string, ca: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { ca, agent, signal: AbortSignal.timeout(askTimeoutMs) };
    const asked = get(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve(undefined));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve(response.statusCode === 200 ? text : undefined);
      });
    });
    asked.on('error', () => resolve(undefined));
  });
}
