#!/usr/bin/env node
// Runs a playbook of your own for one host. See README.md beside this file.

import path from 'node:path';

import { readInventory, unreachableCode } from '../inventory.mjs';
import {
  answer,
  Later,
  phase,
  readFlags,
  readRequest,
  Refusal,
  required,
  run,
} from '../protocol.mjs';

const retrySeconds = 30;

await answer(async () => {
  const request = readRequest();
  const flags = readFlags(['inventory', 'playbook']);
  const host = request.node ?? request.member;
  if (host === undefined) throw new Refusal(`the step ${request.step} is about no single host`);
  const inventory = path.resolve(required(flags, 'inventory'));
  const { hosts } = await readInventory(inventory);
  if (!hosts.has(host)) throw new Refusal(`${host} is not in the inventory ${inventory}`);

  const playbook = path.resolve(required(flags, 'playbook'));
  phase(`${path.basename(playbook)} for ${host}`);
  const variables = JSON.stringify({ ascent: request });
  const args = [playbook, '-i', inventory, '--limit', host, '-e', variables];
  const env = { ANSIBLE_NOCOLOR: '1', ANSIBLE_FORCE_COLOR: '0' };
  const { code } = await run('ansible-playbook', args, { env, isLogged: true });
  if (code === unreachableCode) throw new Later(`${host} does not answer`, retrySeconds);
  if (code !== 0) throw new Error(`${path.basename(playbook)} ended with ${code}`);
});
