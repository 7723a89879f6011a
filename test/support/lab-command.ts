// A program of the driver `command` that has the lab's supervisor change versions, and the access
// file that names it: what somebody writes for machines of their own.

import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { CommandStep } from '../../activities/access';
import type { CommandRequest } from '../../activities/drivers/command-protocol';
import type { LabGround } from './lab-ground';
import { until } from './lab-until';

const asked = 'asked.jsonl';
const hold = 'hold';
const held = 'held';

/** While `hold` names its node, a change of it begins and does not end. */
const program = `#!/usr/bin/env node
const fs = require('node:fs');
const { request } = require('node:http');
const { spawn } = require('node:child_process');
const order = JSON.parse(fs.readFileSync(0, 'utf8'));
const say = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
fs.appendFileSync('${asked}', JSON.stringify(order) + '\\n');
const paths = {
  node: '/v1/nodes/' + order.node + '/kubelet',
  apiServer: '/v1/members/' + order.member + '/api-server',
  controllers: '/v1/members/' + order.member + '/controllers',
};
say({ type: 'phase', phase: order.component + ' to ' + order.to });
if (fs.existsSync('${hold}') && fs.readFileSync('${hold}', 'utf8') === order.node) {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  fs.writeFileSync('${held}', process.pid + ' ' + child.pid);
} else {
  const call = request({
    socketPath: process.argv[2],
    path: paths[order.step],
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  }, (answer) => {
    let text = '';
    answer.on('data', (chunk) => (text += chunk));
    answer.on('end', () => {
      const isDone = answer.statusCode < 300;
      if (isDone) say({ type: 'result', status: 'done' });
      else console.error(text);
      process.exitCode = isDone ? 0 : 1;
    });
  });
  call.end(JSON.stringify({ version: order.to, emulates: order.emulates }));
}
`;

/** The lab's access file with commands instead of its driver, for these steps. */
export async function commandAccess(
  { lab, stateDir }: LabGround,
  name: string,
  steps: readonly CommandStep[],
): Promise<string> {
  const file = path.join(stateDir, 'lab-command');
  await writeFile(file, program);
  await chmod(file, 0o755);
  const { driver, ...access } = lab.access;
  if (driver.kind !== 'lab') throw new Error('the lab has another driver');
  const command = { argv: ['./lab-command', driver.socket], timeout: '5m' };
  const accessFile = path.join(stateDir, name);
  const commands = {
    kind: 'command',
    ...Object.fromEntries(steps.map((step) => [step, command])),
    grace: '2s',
    releases: ['1.28.15', '1.29.15'],
  };
  await writeFile(accessFile, JSON.stringify({ ...access, driver: commands }), { mode: 0o600 });
  return accessFile;
}

/** What its programs were asked, in this order. */
export async function askedOf({ stateDir }: LabGround): Promise<readonly CommandRequest[]> {
  const text = await readFile(path.join(stateDir, asked), 'utf8');
  const lines = text.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as CommandRequest);
}

/** Programs for this node do not end from now on, until they are let go. */
export async function holdNode({ stateDir }: LabGround, node: string): Promise<void> {
  await writeFile(path.join(stateDir, hold), node);
}

/** The one that is held, and its child. */
export function untilHeld({ stateDir }: LabGround): Promise<readonly number[]> {
  return until('a program is held', async () => {
    const text = await readFile(path.join(stateDir, held), 'utf8').catch(() => '');
    return text === '' ? undefined : text.split(' ').map(Number);
  });
}

export async function letGo({ stateDir }: LabGround): Promise<void> {
  await rm(path.join(stateDir, hold));
}
