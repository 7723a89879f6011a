// ControlPlaneDriver and NodeDriver that run programs of the user's own, one for each kind of step
// (docs/command-driver.md has what they are told and what they answer).
// D1. A step without a command is refused, and the refusal names the key to add. Plans that would
//     take one are refused before anything begins (`drives`).
// D2. In this worker one program at a time works on the same object: an attempt that is ended has
//     ended before the next one begins.
// D3. A program gets PATH, HOME and the locale of the worker's environment, and what the access
//     file names; nothing else.

import type * as z from 'zod';

import type { MemberUpgradeInput } from '../../domain/activity-contract';
import type { MemberName } from '../../domain/names';
import { commandedChanges } from '../../domain/observation';
import { type KubeVersion, parseVersion, type Programs } from '../../domain/versions';
import type { CommandDriverAccess, CommandStep } from '../access';
import type { DriverContext } from '../driver-context';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { PortError } from '../ports';
import type { RestoreNeed } from '../snapshot-ports';
import {
  commandApiVersion,
  type CommandResult,
  type CommandStepRequest,
  needsSchema,
  restoredSchema,
  versionsSchema,
} from './command-protocol';
import { runCommand } from './command-run';
import { createMask, type Mask } from './secret-mask';

const lineBytesMax = 64 * 1024;
/** Keys and certificates of all members in one line. */
const needsBytesMax = 4 * 1024 * 1024;

const alwaysPassed = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ'] as const;

export interface CommandDriverOptions {
  readonly access: CommandDriverAccess;
  readonly cluster: string;
  /** Of the worker. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Names of variables that the access file passes on and that are not there. */
export function missingVariables(
  access: CommandDriverAccess,
  environment: CommandDriverOptions['environment'],
): readonly string[] {
  return access.environment.filter((name) => environment[name] === undefined);
}

/** Starts nothing yet. Methods throw PortError, or the signal's reason. */
export function createCommandDriver(options: CommandDriverOptions): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  const commands = new Commands(options);
  const { access } = options;
  const changeMember = async (
    component: MemberUpgradeInput['component'] | 'etcd',
    member: MemberName,
    { version: to, emulates }: Programs,
    context: DriverContext,
  ): Promise<void> => {
    const step = component === 'kube-apiserver' ? 'apiServer' : component;
    const { operationId, from } = context;
    await commands.run({ step, member, component, from, to, emulates, operationId }, context);
  };
  return {
    controlPlane: {
      ...(access.commands.member === undefined ? {} : { changedAs: 'member' }),
      drives: commandedChanges.filter((change) => access.commands[change] !== undefined),
      availableVersions: async (signal) =>
        (await commands.versions(signal))?.versions ?? access.releases,
      availableEtcdVersions: async (signal) =>
        (await commands.versions(signal))?.etcdVersions ?? access.etcdReleases,
      restoreNeeds: (signal) => commands.restoreNeeds(signal),
      upgrade: (member, component, to, context) => changeMember(component, member, to, context),
      changeEtcd: (member, version, context) => changeMember('etcd', member, { version }, context),
      putBack: async (member, component, { version: to, emulates }, context) => {
        const { operationId, from } = context;
        const what = { member, component, from, to, emulates, operationId };
        await commands.run({ step: 'putBack', ...what }, context);
      },
      restore: (restored, context) => commands.restore(restored, context),
      repairEtcdMember: async (member, context) => {
        const { operationId } = context;
        await commands.run({ step: 'repairEtcd', member, operationId }, context);
      },
    },
    nodes: {
      upgradeNode: async (node, to, context) => {
        const { operationId, from } = context;
        const what = { node, component: 'kubelet', from, to, operationId } as const;
        await commands.run({ step: 'node', ...what }, context);
      },
    },
  };
}

type Asking = Pick<DriverContext, 'signal' | 'limitMs' | 'onPhase' | 'log'>;

class Commands {
  readonly #options: CommandDriverOptions;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #mask: Mask;
  /** The end of what works on an object, by the object. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(options: CommandDriverOptions) {
    const { access, environment } = options;
    const names = [...alwaysPassed, ...access.environment];
    this.#options = options;
    this.#environment = Object.fromEntries(
      names.flatMap((name) => {
        const value = environment[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    this.#mask = createMask(this.#environment);
  }

  /** D1 and D2. */
  async run(request: CommandStepRequest, context: Asking): Promise<CommandResult> {
    const { access, cluster } = this.#options;
    const { step } = request;
    const command = access.commands[step];
    if (command === undefined) throw missing(step);
    context.onPhase(`running ${command.argv[0]}`);
    return this.#inTurn(objectOf(request), context.signal, () =>
      runCommand({
        command,
        request: { apiVersion: commandApiVersion, cluster, ...request },
        context,
        directory: access.directory,
        environment: this.#environment,
        graceMs: Math.min(access.graceMs, command.timeoutMs / 2),
        mask: this.#mask,
        lineBytesMax: step === 'restoreNeeds' ? needsBytesMax : lineBytesMax,
      }),
    );
  }

  /** Undefined where no command tells. */
  async versions(signal: AbortSignal): Promise<
    | {
        readonly versions: readonly KubeVersion[];
        readonly etcdVersions: readonly KubeVersion[] | undefined;
      }
    | undefined
  > {
    if (this.#options.access.commands.versions === undefined) return undefined;
    const result = await this.run({ step: 'versions' }, asking(signal));
    const { versions, etcdVersions } = understood('versions', versionsSchema, result);
    return { versions: versions.map(release), etcdVersions: etcdVersions?.map(release) };
  }

  /** Undefined where no command tells. */
  async restoreNeeds(signal: AbortSignal): Promise<readonly RestoreNeed[] | undefined> {
    if (this.#options.access.commands.restoreNeeds === undefined) return undefined;
    const result = await this.run({ step: 'restoreNeeds' }, asking(signal));
    const { items } = understood('restoreNeeds', needsSchema, result);
    return items.map(({ kind, name, member, base64 }) => ({
      kind,
      name,
      ...(member === undefined ? {} : { member }),
      content: Buffer.from(base64, 'base64'),
    }));
  }

  async restore(
    { restoreId, version: to, ...rest }: Parameters<ControlPlaneDriver['restore']>[0],
    context: DriverContext,
  ): ReturnType<ControlPlaneDriver['restore']> {
    const request = { step: 'restore', operationId: restoreId, to, ...rest } as const;
    const result = await this.run(request, context);
    const { lost } = understood('restore', restoredSchema, result);
    return { lost: lost.map((one) => ({ ...one, member: one.member as MemberName })) };
  }

  /** D2. */
  async #inTurn<Result>(
    object: string,
    signal: AbortSignal,
    work: () => Promise<Result>,
  ): Promise<Result> {
    for (;;) {
      const before = this.#running.get(object);
      if (before === undefined) break;
      await before;
      signal.throwIfAborted();
    }
    const running = work();
    const ended = running.catch(() => undefined).finally(() => this.#running.delete(object));
    this.#running.set(object, ended);
    return running;
  }
}

/** What only tells, and what is about all members, is in the way of its own kind only. */
function objectOf(request: CommandStepRequest): string {
  if ('node' in request) return `node ${request.node}`;
  if ('member' in request) return `member ${request.member}`;
  return request.step;
}

/** Of what no activity waits for phase by phase; the port bounds it by the command's own limit. */
function asking(signal: AbortSignal): Asking {
  return { signal, limitMs: Infinity, onPhase: () => undefined, log: () => undefined };
}

function missing(step: CommandStep): PortError {
  const message = `there is no command for it: add driver.${step} to the access file of the worker`;
  return new PortError('rejected', message);
}

function understood<Answer>(
  step: CommandStep,
  schema: z.ZodType<Answer>,
  result: CommandResult,
): Answer {
  const parsed = schema.safeParse(result);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? 'it' : issue.path.join('.');
  throw new PortError(
    'unexpected',
    `the result of driver.${step} is not what it must be: ${where}`,
  );
}

function release(text: string): KubeVersion {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  throw new PortError('unexpected', 'the result of driver.versions has a release that is none');
}
