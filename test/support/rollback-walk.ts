// Walks through a hop of a real cluster and rolls it back from every step of its plan, and after it
// has ended; the cluster that one rollback leaves is the ground of the next.
// W1. Objects are written all the time until the order, so that each snapshot has some that were
//     made before it, and each rollback some to take back.
// W2. An informer on each API server runs from before the first hop until after the last.

import { isDeepStrictEqual } from 'node:util';

import { stepLabel } from '../../domain/status/step-labels';
import type { Plan } from '../../domain/plan/plan';
import type { UpgradeSpec } from '../../domain/spec';
import type { UpgradeResult } from '../../domain/status/progress';
import { labLayout } from '../../lab/layout';
import type { LabGround } from './lab-ground';
import { untilEnded, untilGate, untilProgress } from './lab-progress';
import { labSpec } from './lab-spec';
import { untilTrue } from './lab-until';
import { type LabWriter, startWriter } from './lab-writer';
import { type MemberInformer, startMemberInformer } from './member-informer';

/** Long enough to be in it when the order comes; no hop ends before it. */
const soakMs = 3_600_000;
/** Some steps take less than a second: the order may come when the next one has begun. */
const aimsMax = 5;
/** A hop that has ended waits for an approval of the next one. */
const afterTheHop = 'after the hop';
const lookEveryMs = 50;

export interface Walk {
  readonly ground: LabGround;
  /** The hop that is walked through, from a cluster at `from`. */
  readonly hop: string;
  readonly from: string;
  readonly to: string;
  /** A hop after it, for what is rolled back when the first has ended. */
  readonly beyond?: string;
}

/** What a rollback came to; the same for every step. */
export interface WalkedBack {
  readonly from: string;
  readonly outcome: UpgradeResult['outcome'];
  readonly at: string;
  readonly wasInStep: boolean;
  readonly hashesAgree: boolean;
  /** Versions of API servers, controllers and kubelets; one where all are the same. */
  readonly versions: readonly string[];
  /** Nodes that are not Ready, or cordoned. */
  readonly unfitNodes: readonly string[];
  readonly writtenBefore: 'some' | 'none';
  readonly writtenSince: 'some' | 'none';
  readonly missing: readonly string[];
  readonly newer: readonly string[];
}

/** As WalkedBack of a rollback from that step is to be. */
export function whole({ from }: Walk, step: string): WalkedBack {
  return {
    from: step,
    outcome: 'rolled-back',
    at: from,
    wasInStep: true,
    hashesAgree: true,
    versions: [from],
    unfitNodes: [],
    writtenBefore: 'some',
    writtenSince: 'some',
    missing: [],
    newer: [],
  };
}

/** The steps of the hop that a rollback can come in: all after its snapshot. */
function stepsOf({ hop, beyond }: Walk, plan: Plan): readonly string[] {
  const steps = plan.hops.find(({ id }) => id === hop)?.steps ?? [];
  const snapshot = steps.findIndex(({ kind }) => kind === 'snapshot');
  const labels = steps.slice(snapshot + 1).map(stepLabel);
  return beyond === undefined ? labels : [...labels, afterTheHop];
}

function specOf({ ground, to, beyond = to }: Walk, step: string | undefined): UpgradeSpec {
  const isAfter = step === afterTheHop;
  return labSpec({
    cluster: ground.cluster,
    target: isAfter ? beyond : to,
    allowSingleMember: true,
    approvals: isAfter ? 'between-hops' : 'none',
    hopSoakMs: step === undefined || isAfter ? 1_000 : soakMs,
  });
}

export class RollbackWalk {
  readonly #walk: Walk;
  readonly #informers: readonly MemberInformer[];
  #steps: readonly string[] = [];
  #rounds = 0;

  private constructor(walk: Walk, informers: readonly MemberInformer[]) {
    this.#walk = walk;
    this.#informers = informers;
  }

  static async begin(walk: Walk): Promise<RollbackWalk> {
    const { lab } = walk.ground;
    const starting = lab.access.members.map(({ apiServer }) =>
      startMemberInformer(lab.kubeconfig, apiServer),
    );
    return new RollbackWalk(walk, await Promise.all(starting));
  }

  async end(): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.stop()));
  }

  /** From the plan of an upgrade that is refused its approval. */
  async steps(): Promise<readonly string[]> {
    const { ground } = this.#walk;
    const spec = { ...specOf(this.#walk, afterTheHop), approvals: 'every-hop' as const };
    const plan = await this.#start(spec);
    const gate = await untilGate(ground);
    const no = { actor: 'ada', reason: 'only its plan is wanted', gate: gate.id };
    await ground.client.reject(ground.cluster, { ...no, planDigest: plan.digest });
    await untilEnded(ground);
    this.#steps = stepsOf(this.#walk, plan);
    return this.#steps;
  }

  /** Starts an upgrade, orders its rollback when it is in the step, and looks at what is left. */
  async backFrom(step: string): Promise<WalkedBack> {
    for (let aims = 1; ; aims += 1) {
      const back = await this.#backFromAbout(step);
      // Whatever it was rolled back from, all else must be as it is to be.
      const isGood = isDeepStrictEqual({ ...back, wasInStep: true }, whole(this.#walk, step));
      if (back.wasInStep || !isGood || aims === aimsMax) return back;
    }
  }

  async #backFromAbout(step: string): Promise<WalkedBack> {
    const { ground } = this.#walk;
    this.#rounds += 1;
    const writer = await startWriter(labLayout(ground.stateDir), ground.lab.apiUrl);
    try {
      await untilWritten(writer);
      await this.#start(specOf(this.#walk, step));
      await this.#untilInOrPast(step);
      await untilWritten(writer);
      await writer.stop();
      const lists = this.#informers.map((informer) => informer.lists());
      const order = { actor: 'ada', reason: `a look back from ${step}`, hop: this.#walk.hop };
      await ground.client.rollBack(ground.cluster, order);
      const result = await untilEnded(ground);
      await this.#informersFollow(lists);
      return await this.#told({ step, result, writer });
    } finally {
      await writer.stop();
      writer.close();
    }
  }

  /** The hop without a rollback. */
  async forward(): Promise<UpgradeResult> {
    await this.#start(specOf(this.#walk, undefined));
    return untilEnded(this.#walk.ground);
  }

  async #start(spec: UpgradeSpec): Promise<Plan> {
    const started = await this.#walk.ground.client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    return started.plan;
  }

  async #untilInOrPast(step: string): Promise<void> {
    const { ground, hop } = this.#walk;
    const aims = this.#steps.slice(this.#steps.indexOf(step));
    await untilProgress(
      ground,
      `${hop} is in ${step}`,
      ({ status }) => {
        if (step === afterTheHop) return status.phase === 'waiting-for-approval' || undefined;
        const { id, step: label = '' } = status.hop ?? {};
        return (id === hop && aims.some((aim) => isStep(aim, label))) || undefined;
      },
      { everyMs: lookEveryMs },
    );
  }

  /** None hangs, and none shows what is not there (W2). */
  async #informersFollow(lists: readonly number[]): Promise<void> {
    const { kube } = this.#walk.ground;
    const mark = `seen-after-${this.#rounds}`;
    await kube.writeConfigMap(mark);
    await untilTrue('every informer lists again and shows what there is', async () => {
      const names = await kube.configMaps();
      return this.#informers.every(
        (informer, index) =>
          informer.lists() > (lists[index] ?? 0) &&
          JSON.stringify(informer.names()) === JSON.stringify(names),
      );
    });
  }

  /** Whether what stands before the step in the plan was done, and nothing that stands after it. */
  #wasIn(step: string, done: readonly string[]): boolean {
    const index = this.#steps.indexOf(step);
    const isDone = (one: string): boolean => done.some((label) => isStep(one, label));
    const before = this.#steps.slice(0, index);
    return before.every(isDone) && !this.#steps.slice(index + 1).some(isDone);
  }

  async #told(seen: {
    readonly step: string;
    readonly result: UpgradeResult;
    readonly writer: LabWriter;
  }): Promise<WalkedBack> {
    const { step, result, writer } = seen;
    const { kube } = this.#walk.ground;
    // API server, controllers and scheduler: a Deployment gets one pod more, and it runs.
    await kube.spread('scaled', this.#rounds);
    const { members, nodes, etcd } = await this.#walk.ground.observe();
    const programs = members.flatMap((one) => [
      one.apiServer,
      one.controllerManager,
      one.scheduler,
    ]);
    const versions = programs.map((one) => (one.kind === 'observed' ? one.version : one.kind));
    const kubelets = nodes.map(({ kubeletVersion }) => kubeletVersion);
    const unfit = nodes.filter(({ ready, cordon }) => !ready || cordon.kind !== 'none');
    const ended = endOf(result);
    const { before, since, missing, newer } = await writer.standing(ended.revision);
    return {
      from: step,
      outcome: result.outcome,
      at: ended.at,
      wasInStep: this.#wasIn(step, ended.done),
      hashesAgree: etcd.kind === 'observed' && etcd.hashesAgree === true,
      versions: [...new Set([...versions, ...kubelets])],
      unfitNodes: unfit.map(({ name }) => name),
      writtenBefore: before > 0 ? 'some' : 'none',
      writtenSince: since > 0 ? 'some' : 'none',
      missing,
      newer,
    };
  }
}

function isStep(step: string, label: string): boolean {
  return label === step || label.startsWith(`${step} `);
}

async function untilWritten(writer: LabWriter): Promise<void> {
  const before = writer.count();
  await untilTrue('a write is acknowledged', () => Promise.resolve(writer.count() > before));
}

/** Where the upgrade ended, the revision of the snapshot, and the steps that it has taken. */
function endOf(result: UpgradeResult): {
  readonly at: string;
  readonly revision: number;
  readonly done: readonly string[];
} {
  if (result.outcome !== 'rolled-back') throw new Error(`it ended as ${result.outcome}`);
  const hop = result.hops.at(-1);
  if (hop?.snapshot === undefined) throw new Error('the hop has no snapshot');
  return {
    at: result.at,
    revision: hop.snapshot.revision,
    done: Object.keys(hop.stepSeconds),
  };
}
