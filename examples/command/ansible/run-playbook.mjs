#!/usr/bin/env node
// Runs a playbook of your own for one host. See README.md beside this file.

import path from 'node:path';

import { play, readInventory } from '../ansible.mjs';
import { answer, readFlags, readRequest, Refusal, required } from '../protocol.mjs';

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
  const variables = JSON.stringify({ ascent: request });
  const args = [playbook, '-i', inventory, '--limit', host, '-e', variables];
  await play(args, { what: `${path.basename(playbook)} for ${host}`, retrySeconds });
});
