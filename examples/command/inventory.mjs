// What an Ansible inventory says of hosts.

import { ask } from './protocol.mjs';

/** Names of all hosts, and of those of one group, also by groups in it. */
export async function readInventory(file, options) {
  const inventory = await ask('ansible-inventory', ['-i', file, '--list'], options);
  const hostsOf = (name, seen = new Set()) => {
    if (seen.has(name)) return [];
    seen.add(name);
    const { hosts = [], children = [] } = inventory[name] ?? {};
    return [...hosts, ...children.flatMap((child) => hostsOf(child, seen))];
  };
  const all = Object.keys(inventory['_meta']?.hostvars ?? {});
  return { hosts: new Set([...all, ...hostsOf('all')]), of: (name) => new Set(hostsOf(name)) };
}

/** ansible-playbook ends with it where a host does not answer. */
export const unreachableCode = 4;
