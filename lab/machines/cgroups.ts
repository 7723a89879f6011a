// The control groups of a lab's machines, of cgroup v1: one directory a machine under each
// controller, inside the group that this process is in already.
// C1. They are also the register of what runs: every process of a machine is in them, so that all
//     of it is found and ended even when whoever started it is gone.

import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { errnoOf, LabError } from '../lab-error';
import { eventually } from '../waiting';

const mountPoint = '/sys/fs/cgroup';

/** `cpu,cpuacct` is one hierarchy of two controllers, mounted under that name. */
export interface Hierarchy {
  /** Name of its directory below the mount point. */
  readonly name: string;
  /** For mount(8): `cpu,cpuacct`, or `none,name=systemd`. */
  readonly options: string;
  /** The group of the asking process, absolute below the hierarchy. */
  readonly own: string;
}

/** From /proc/self/cgroup (cgroups(7)): `4:memory:/some/group`; cgroup v2 has no controllers. */
export function hierarchiesIn(text: string): readonly Hierarchy[] {
  return [...text.matchAll(/^\d+:([^:\n]+):(.+)$/gm)].map(([, controllers = '', own = '']) => {
    const isNamed = controllers.startsWith('name=');
    return {
      name: controllers.replace('name=', ''),
      options: isNamed ? `none,${controllers}` : controllers,
      own,
    };
  });
}

export async function hierarchies(): Promise<readonly Hierarchy[]> {
  return hierarchiesIn(await readFile('/proc/self/cgroup', 'utf8'));
}

/** Directory of a lab's groups per hierarchy, by its name. */
export async function ownCgroups(lab: string): Promise<Readonly<Record<string, string>>> {
  const found = await hierarchies();
  const group = `ascent-machines-${lab}`;
  return Object.fromEntries(
    found.map(({ name, own }) => [name, path.join(mountPoint, name, own, group)]),
  );
}

type Cgroups = Readonly<Record<string, string>>;

async function copyFromParent(directory: string, file: string): Promise<void> {
  const value = await readFile(path.join(directory, '..', file), 'utf8');
  await writeFile(path.join(directory, file), value);
}

/** Makes the groups of one machine; answers the files that take a process into them. */
export async function makeCgroups(cgroups: Cgroups, machine: string): Promise<readonly string[]> {
  for (const [name, ofLab] of Object.entries(cgroups)) {
    for (const directory of [ofLab, path.join(ofLab, machine)]) {
      await mkdir(directory, { recursive: true });
      // A group of cpuset lets nobody in before both are set.
      if (name !== 'cpuset') continue;
      await copyFromParent(directory, 'cpuset.cpus');
      await copyFromParent(directory, 'cpuset.mems');
    }
  }
  return Object.values(cgroups).map((ofLab) => path.join(ofLab, machine, 'cgroup.procs'));
}

/** Deepest first; empty where there is no such directory. */
async function tree(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const below = entries.filter((entry) => entry.isDirectory());
    const trees = await Promise.all(below.map(({ name }) => tree(path.join(directory, name))));
    return [...trees.flat(), directory];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Whatever runs in these groups or below, as pids of the host. */
async function processesIn(directories: readonly string[]): Promise<ReadonlySet<number>> {
  const groups = (await Promise.all(directories.map(tree))).flat();
  const lists = await Promise.all(
    groups.map((group) => readFile(path.join(group, 'cgroup.procs'), 'utf8').catch(() => '')),
  );
  const pids = lists.flatMap((list) => list.split('\n').map(Number));
  // 0 stands for a process that this pid namespace does not see.
  return new Set(pids.filter((pid) => pid > 0 && pid !== process.pid));
}

function groupsOf(cgroups: Cgroups, machine: string | undefined): readonly string[] {
  const directories = Object.values(cgroups);
  return machine === undefined ? directories : directories.map((each) => path.join(each, machine));
}

/** Of one machine, or of all. */
export async function livingIn(cgroups: Cgroups, machine?: string): Promise<readonly number[]> {
  return [...(await processesIn(groupsOf(cgroups, machine)))];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

const endMs = 20_000;

/** Kills all that runs in the groups, and removes them. Throws LabError `lab-failed`. */
export async function endCgroups(cgroups: Cgroups, machine?: string): Promise<void> {
  const directories = groupsOf(cgroups, machine);
  const isGone = await eventually(
    async () => {
      const living = await processesIn(directories);
      living.forEach(kill);
      return living.size === 0;
    },
    { timeoutMs: endMs, everyMs: 50 },
  );
  if (!isGone) {
    const living = [...(await processesIn(directories))].join(', ');
    throw new LabError('lab-failed', `these processes do not end: ${living}`);
  }
  await removeGroups(directories);
}

/** A group that was left just now may be busy for a moment. */
async function removeGroups(directories: readonly string[]): Promise<void> {
  let left: readonly string[] = [];
  const isGone = await eventually(
    async () => {
      left = (await Promise.all(directories.map(tree))).flat();
      for (const group of left) await rmdir(group).catch(() => undefined);
      left = (await Promise.all(directories.map(tree))).flat();
      return left.length === 0;
    },
    { timeoutMs: endMs, everyMs: 50 },
  );
  if (!isGone) throw new LabError('lab-failed', `control groups stay: ${left.join(', ')}`);
}
