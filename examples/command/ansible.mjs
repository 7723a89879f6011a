// What the programs that use Ansible share.

import { ask, Later, phase, run } from './protocol.mjs';

/** ansible-playbook ends with it where a host does not answer. */
const unreachableCode = 4;
const quiet = { ANSIBLE_NOCOLOR: '1', ANSIBLE_FORCE_COLOR: '0' };

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

/** Runs a play to its end. `what`: for people; `retrySeconds`: where a host does not answer. */
export async function play(args, { cwd, what, retrySeconds }) {
  phase(what);
  let fatal = '';
  // Ansible tells on its standard output what went wrong.
  const onLine = (line) => {
    if (/^(fatal|failed): |^\[?ERROR/.test(line)) fatal = line;
  };
  const { code } = await run('ansible-playbook', args, { cwd, env: quiet, isLogged: true, onLine });
  if (code === 0) return;
  if (code === unreachableCode) throw new Later(`${what}: a host does not answer`, retrySeconds);
  throw new Error(`${what} ended with ${code}${fatal === '' ? '' : `: ${fatal}`}`);
}
