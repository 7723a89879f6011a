// What other services import as `ascent/client`: the client, its errors, and the shapes it speaks.

export { AscentClient } from './ascent-client';
export type { Asked, ConnectionOwner } from './ascent-client';
export type { ChangeRecordOptions } from './change-record';
export type { ConnectOptions } from './connect';
export {
  AscentError,
  CommandRefusedError,
  DrainFailedError,
  DrainNotFoundError,
  TemporalUnreachableError,
  UpgradeEndedError,
  UpgradeFailedError,
  UpgradeNotFoundError,
  WorkerMissingError,
  ascentErrorCodes,
} from './errors';
export type { AscentErrorCode, EndedOutcome } from './errors';
export type { Drill, DrillOptions } from './drill';
export { defaultDrainPolicy, parseDrainPolicy } from './drain-policy';
export type { DrainFieldProblem, DrainFields, DrainPolicyResult } from './drain-policy';
export type { ListOptions, UpgradeSummary } from './listing';
export type { DrainOptions, DrainStart, UncordonOptions, UncordonResult } from './node-drains';
export type {
  PreflightScheduling,
  PreflightUnscheduling,
  SchedulePreflightOptions,
} from './preflight-schedules';
export type { PreviewOptions, RollBackPreview } from './roll-back-preview';
export type {
  PruneEnd,
  PruneSnapshotsOptions,
  SnapshotBusy,
  SnapshotEnd,
  TakeSnapshotOptions,
} from './snapshots';
export type {
  ScheduleSnapshotsOptions,
  SnapshotScheduling,
  SnapshotUnscheduling,
} from './snapshot-schedules';
export type { ScheduleOptions, ScheduleTime, UpgradeSchedule } from './schedules';
export { durationMs } from './spec-fields';
export { parseSpecFile, specProblemText } from './spec-file';
export type { SpecFileResult, SpecProblem } from './spec-file';
export type { StartOptions, StartRefused, StartResult } from './start';
export type { WatchOptions } from './follow';

export type { StartRefusal } from '../domain/activity-contract';
export type { Blocker, DrainBlocker, PlanBlocker } from '../domain/blockers';
export type {
  BudgetExplanation,
  PodTrouble,
  UnhealthyPod,
} from '../domain/drain/budget-explanation';
export type { AuditEntry, CommandAccepted, CommandRefusal, Gate } from '../domain/status/control';
export type { FailureCode, FailureInfo } from '../domain/failures';
export type { DrainEnd, DrainLook, DrainRefusal, DrainStatus } from '../domain/drain/node-drain';
export { drainEndSentence, drainRefusalSentence } from '../domain/drain/node-drain-sentences';
export type { Hop, Plan, Step } from '../domain/plan/plan';
export type {
  HopOutcome,
  NodeOutcome,
  NodeProgress,
  UpgradeProgress,
  UpgradeResult,
  UpgradeStatus,
} from '../domain/status/progress';
export { blockerSentence } from '../domain/blocker-sentences';
export { refusalSentence, startRefusalSentence } from '../domain/status/sentences';
export { resultSentence } from '../domain/status/status-sentences';
export type { ChangeRecord, RecordEntry } from '../domain/record/record';
export type { LastLook, LookRefusal, PreflightSchedule } from '../domain/preflight/schedule';
export type { RoutineEnd, RoutineRefusal, SnapshotSchedule } from '../domain/snapshots/schedule';
export type { OrphanGroup, RestoreAccount } from '../domain/rollback/account';
export type { RollBackReport } from '../domain/rollback/report';
export type { DrainPolicy, UpgradeSpec } from '../domain/spec';
