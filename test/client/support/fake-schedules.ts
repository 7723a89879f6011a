// Temporal's schedules in memory, as far as schedules of snapshots and looks need them: what is
// created is described, changed and deleted. What they start is said by the test.

import type { Client, ScheduleOptions, ScheduleUpdateOptions } from '@temporalio/client';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  WorkflowNotFoundError,
} from '@temporalio/client';

import type { Session } from '../../../client/calls';

type Settings = Pick<ScheduleUpdateOptions, 'spec' | 'action' | 'policies' | 'state'>;

/** A run that a schedule has started: how Temporal calls its status, and its result. */
export interface FakeRun {
  readonly status: string;
  readonly result?: unknown;
}

/** Once a day at midnight: what a calendar is where nothing else is said. */
const eachDay = {
  second: [{ start: 0, end: 0, step: 1 }],
  minute: [{ start: 0, end: 0, step: 1 }],
  hour: [{ start: 0, end: 0, step: 1 }],
  dayOfMonth: [{ start: 1, end: 31, step: 1 }],
  month: [{ start: 'JANUARY', end: 'DECEMBER', step: 1 }],
  year: [],
  dayOfWeek: [{ start: 'SUNDAY', end: 'SATURDAY', step: 1 }],
};

/** As a server tells calendars: in full, and numbers as ranges. */
function describedTimes({ calendars = [] }: Settings['spec']) {
  if (calendars.length === 0) return {};
  return {
    calendars: calendars.map((calendar) => {
      const told = Object.entries(calendar).map(([field, value]): [string, unknown] => [
        field,
        typeof value === 'number' ? [{ start: value, end: value, step: 1 }] : value,
      ]);
      return { ...eachDay, ...Object.fromEntries(told) };
    }),
  };
}

export class FakeSchedules {
  readonly all = new Map<string, Settings>();
  /** How often a schedule was written anew. */
  updates = 0;
  /** Of all schedules, the oldest first; undefined: Temporal has forgotten it. */
  runs: readonly (FakeRun | undefined)[] = [];
  pollers: readonly object[] = [{}];

  readonly session: Session;

  constructor() {
    const client = {
      options: { namespace: 'default' },
      withDeadline: <T>(_deadline: number, ask: () => Promise<T>): Promise<T> => ask(),
      workflowService: {
        describeTaskQueue: () => Promise.resolve({ pollers: this.pollers }),
      },
      schedule: {
        create: (options: ScheduleOptions) => this.#create(options),
        getHandle: (id: string) => this.#handle(id),
      },
      workflow: { getHandle: (id: string) => this.#run(id) },
    };
    // Only these are asked for.
    this.session = { client: client as unknown as Client, address: 'here', callTimeoutMs: 1_000 };
  }

  #create({ scheduleId, ...settings }: ScheduleOptions): Promise<void> {
    if (this.all.has(scheduleId)) {
      return Promise.reject(new ScheduleAlreadyRunning('it is there', scheduleId));
    }
    this.all.set(scheduleId, settings as Settings);
    return Promise.resolve();
  }

  #handle(id: string) {
    const found = async (): Promise<Settings> => {
      const settings = this.all.get(id);
      if (settings === undefined) throw new ScheduleNotFoundError('it is not there', id);
      return Promise.resolve(settings);
    };
    return {
      describe: async () => this.#described(id, await found()),
      update: async (change: (described: unknown) => Settings) => {
        this.updates += 1;
        this.all.set(id, change(this.#described(id, await found())));
      },
      delete: async () => {
        await found();
        this.all.delete(id);
      },
    };
  }

  #described(scheduleId: string, { spec, action, state }: Settings) {
    const recentActions = this.runs.map((_run, index) => ({
      takenAt: new Date(index * 1_000),
      action: { workflow: { workflowId: `run-${index}`, firstExecutionRunId: 'first' } },
    }));
    return {
      scheduleId,
      spec: { ...spec, ...describedTimes(spec) },
      action,
      state: { paused: false, ...state },
      info: {
        recentActions,
        nextActionTimes: [new Date(0)],
        numActionsSkippedOverlap: 0,
        numActionsMissedCatchupWindow: 0,
      },
    };
  }

  #run(workflowId: string) {
    const run = this.runs[Number(workflowId.replace('run-', ''))];
    return {
      describe: () =>
        run === undefined
          ? Promise.reject(new WorkflowNotFoundError('gone', workflowId, undefined))
          : Promise.resolve({ status: { name: run.status } }),
      result: () => Promise.resolve(run?.result),
    };
  }
}
