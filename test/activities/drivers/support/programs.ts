// Programs for the driver `command`, as small as they can be, and the driver that runs them.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type {
  CommandAccess,
  CommandDriverAccess,
  CommandStep,
} from '../../../../activities/access';
import type { DriverContext } from '../../../../activities/driver-context';
import { createCommandDriver } from '../../../../activities/drivers/command-driver';
import { version } from '../../../support/builders';
import { temporaryDirectory } from '../../adapters/support/temporary-directory';
import { never } from '../../adapters/support/refusals';

export interface Heard extends DriverContext {
  readonly phases: string[];
  readonly logged: string[];
}

export interface Programs {
  /** Absolute path of a name in the folder that programs run in. */
  readonly at: (name: string) => string;
  readonly read: (name: string) => string;
  /** A script of /bin/sh; with a first line of its own: of something else. Its path. */
  readonly write: (name: string, script: string) => string;
  readonly driver: (
    commands: Partial<Record<CommandStep, string | CommandAccess>>,
    options?: Partial<CommandDriverAccess> & {
      readonly variables?: Readonly<Record<string, string>>;
    },
  ) => ReturnType<typeof createCommandDriver>;
}

/** The folder is removed at the end. */
export function programs(): Programs {
  const directory = temporaryDirectory();
  const at = (name: string): string => path.join(directory, name);
  return {
    at,
    read: (name) => readFileSync(at(name), 'utf8'),
    write(name, script) {
      writeFileSync(at(name), script.startsWith('#!') ? script : `#!/bin/sh\n${script}\n`);
      chmodSync(at(name), 0o755);
      return at(name);
    },
    driver(commands, { variables = {}, ...options } = {}) {
      const entries = Object.entries(commands).map(([step, one]) => [
        step,
        typeof one === 'string' ? { argv: [one], timeoutMs: 150_000 } : one,
      ]);
      const access: CommandDriverAccess = {
        kind: 'command',
        directory,
        commands: Object.fromEntries(entries) as CommandDriverAccess['commands'],
        environment: Object.keys(variables),
        graceMs: 300,
        ...options,
      };
      const environment = { PATH: process.env['PATH'], HOME: directory, ...variables };
      return createCommandDriver({ access, cluster: 'prod', environment });
    },
  };
}

export function aContext(options: Partial<DriverContext> = {}): Heard {
  const phases: string[] = [];
  const logged: string[] = [];
  return {
    signal: never,
    operationId: 'op-1',
    from: version('1.28.15'),
    limitMs: 600_000,
    onPhase: (phase) => phases.push(phase),
    log: (line) => logged.push(line),
    ...options,
    phases,
    logged,
  };
}
