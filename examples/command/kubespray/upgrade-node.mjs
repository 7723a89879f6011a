#!/usr/bin/env node
// Upgrades one worker node with Kubespray. See README.md beside this file.

import path from 'node:path';

import { play, readInventory } from '../ansible.mjs';
import { answer, isOlder, readFlags, readRequest, Refusal, required } from '../protocol.mjs';

const retrySeconds = 60;

/** Ascent has cordoned and drained the node, and uncordons it: Kubespray must do none of it. */
const handover = { drain_nodes: false, upgrade_node_always_cordon: false };
/** Nobody sits at this terminal. */
const unattended = { upgrade_node_confirm: false, upgrade_node_post_upgrade_confirm: false };

await answer(async () => {
  const request = readRequest();
  const flags = readFlags(['inventory', 'kubespray', 'version-prefix']);
  const { step, node, from, to } = request;
  if (step !== 'node') throw new Refusal(`Kubespray changes members as a whole, not ${step}`);
  if (from !== undefined && isOlder(to, from)) {
    throw new Refusal(`Kubespray does not take ${node} back from ${from} to ${to}`);
  }
  const inventory = path.resolve(required(flags, 'inventory'));
  const minor = to.split('.').slice(0, 2).join('.');
  // Each release of Kubespray knows a few minors only, so there may be a checkout for each.
  const cwd = path.resolve(required(flags, 'kubespray').replaceAll('{minor}', minor));
  await checkHost(node, inventory);
  const playbook = (name, ...more) =>
    play([name, '-b', '-i', inventory, ...more], {
      cwd,
      what: `${name} for ${node}`,
      retrySeconds,
    });

  // Kubespray's documentation wants the facts of all hosts before it is limited to some.
  await playbook('playbooks/facts.yml');
  const variables = {
    kube_version: `${flags['version-prefix'][0] ?? ''}${to}`,
    ...handover,
    ...unattended,
  };
  await playbook('upgrade-cluster.yml', '--limit', node, '-e', JSON.stringify(variables));
});

async function checkHost(node, inventory) {
  const { hosts, of } = await readInventory(inventory);
  if (!hosts.has(node)) throw new Refusal(`${node} is not in the inventory ${inventory}`);
  if (of('kube_control_plane').has(node)) {
    throw new Refusal(
      `${node} is a member of the control plane: Kubespray would upgrade all of it`,
    );
  }
}
