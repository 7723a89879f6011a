// How a process of the lab is started so that it has its member's hostname and cannot outlive
// the supervisor.
// I1. The parent-death signal is set before the parent is checked and before the executable
//     begins, so there is no moment in which a dead supervisor leaves a process behind.
// I2. Each control-plane member has a UTS namespace: two API servers on one hostname share one
//     identity lease and fight over it (the id is a hash of the hostname: k8s.io/apiserver,
//     pkg/server/config.go, NewConfig).

import { spawnSync } from 'node:child_process';

import { LabError } from './lab-error';

/** How UTS namespaces are made here. */
export type UtsMode = 'root' | 'user-namespace';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** Runs a command to its end; true when it exits with 0. Injected by tests. */
export type Probe = (command: Command) => boolean;

const runProbe: Probe = ({ file, args }) =>
  spawnSync(file, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;

const unshareFlags = {
  root: ['--uts'],
  'user-namespace': ['--user', '--map-root-user', '--uts'],
} as const satisfies Record<UtsMode, readonly string[]>;

/**
 * Finds out how this machine can run a lab. Throws LabError `lab-unsupported` that names all that
 * is missing; on other systems than Linux it says that before anything else.
 */
export function requireIsolation(
  platform: NodeJS.Platform = process.platform,
  probe: Probe = runProbe,
): UtsMode {
  if (platform !== 'linux') {
    throw new LabError(
      'lab-unsupported',
      `the lab needs Linux (it starts each member under its own hostname); this is ${platform}. ` +
        'Run it in a Linux machine or container, or point `ascent worker` at an existing cluster.',
      { problems: ['Linux'] },
    );
  }
  const missing: string[] = [];
  if (!probe({ file: 'setpriv', args: ['--pdeathsig', 'KILL', 'true'] })) {
    missing.push('setpriv with --pdeathsig (package util-linux, 2.33 or newer)');
  }
  const hasUnshare = probe({ file: 'unshare', args: ['--version'] });
  if (!hasUnshare) missing.push('unshare (package util-linux)');
  const mode = (['root', 'user-namespace'] as const).find(
    (candidate) =>
      hasUnshare &&
      probe({
        file: 'unshare',
        args: [...unshareFlags[candidate], 'sh', '-c', 'hostname lab-probe'],
      }),
  );
  if (hasUnshare && mode === undefined) {
    missing.push(
      'permission to make a UTS namespace: run as root, or allow unprivileged user namespaces ' +
        '(sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0, ' +
        'kernel.apparmor_restrict_unprivileged_userns=0), and the `hostname` command',
    );
  }
  if (mode === undefined || missing.length > 0) {
    throw new LabError('lab-unsupported', `the lab cannot run here: ${missing.join('; ')}`, {
      problems: missing,
    });
  }
  return mode;
}

/** I1: ends at once when the process that asked for this one is gone. */
const bindToParent = '[ "$PPID" = "$1" ] || exit 86; shift; exec "$@"';
const takeHostname = '[ "$PPID" = "$1" ] || exit 86; hostname "$2" || exit 87; shift 2; exec "$@"';

/**
 * The command line that runs `command` as a child of `parentPid` (I1), under `hostname` when one
 * is given (I2). The pid of the child is that of `command` itself: every link of the chain execs.
 */
export function isolated(
  command: Command,
  options: {
    readonly parentPid: number;
    readonly hostname?: { readonly name: string; readonly mode: UtsMode };
  },
): Command {
  const parent = String(options.parentPid);
  const bound = ['--pdeathsig', 'KILL', '--', 'sh', '-c'];
  if (options.hostname === undefined) {
    return {
      file: 'setpriv',
      args: [...bound, bindToParent, 'sh', parent, command.file, ...command.args],
    };
  }
  const { name, mode } = options.hostname;
  const inner = [...bound, takeHostname, 'sh', parent, name, command.file, ...command.args];
  return { file: 'unshare', args: [...unshareFlags[mode], '--', 'setpriv', ...inner] };
}
