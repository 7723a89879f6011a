// A cluster that is reached by the addresses of its access file alone, beside the same cluster
// with the driver of its lab.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ClusterAccess } from '../../../activities/access';
import { readAccessFile } from '../../../activities/adapters/access-file';
import { openCluster } from '../../../activities/adapters/open-cluster';
import { runCli } from '../../../cli/program';
import type { Observation } from '../../../domain/observation';
import { freePortBlock } from '../../../lab/free-ports';
import type { Lab } from '../../../lab/lab';
import { labDown, labUp } from '../../../lab/lab';
import { FakeTerminal } from '../../cli/support/fake-terminal';

jest.setTimeout(300_000);

const spec = [
  'apiVersion: ascent/v1',
  'cluster: seen',
  'target: "1.30"',
  'controlPlane: { allowSingleMember: true }',
].join('\n');

describe('a cluster without a driver', () => {
  let root: string;
  let lab: Lab;
  let releases: NonNullable<Observation['availableVersions']>;

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-lab-'));
    const stateDir = path.join(root, 'seen');
    lab = await labUp({ name: 'seen', stateDir, members: 1, nodes: 2, workloads: 'none' });
    const { availableVersions } = (await answerOf('observe', lab.accessFile)) as Observation;
    releases = availableVersions ?? [];
  });

  afterAll(async () => {
    await labDown({ stateDir: path.join(root, 'seen') });
    await rm(root, { recursive: true, force: true });
  });

  /** The access file of the lab, changed, in a folder of its own. */
  async function changed(change: (access: ClusterAccess) => Partial<ClusterAccess>) {
    const access = JSON.parse(await readFile(lab.accessFile, 'utf8')) as ClusterAccess;
    const file = path.join(await mkdtemp(path.join(root, 'access-')), 'access.json');
    await writeFile(file, JSON.stringify({ ...access, ...change(access) }));
    return file;
  }

  /** A command line over the real adapters; its JSON answer. */
  async function answerOf(command: string, accessFile: string): Promise<unknown> {
    const terminal = new FakeTerminal({ files: { 'upgrade.yaml': spec } });
    const args = command === 'observe' ? [] : ['--spec', 'upgrade.yaml'];
    await runCli([command, '--access', accessFile, '-o', 'json', ...args], {
      ...terminal.context,
      readAccess: readAccessFile,
      openCluster: (access) => Promise.resolve(openCluster(access)),
    });
    return JSON.parse(terminal.stdout);
  }

  /**
   * Without what passes by itself between two looks: controllers and API servers ask for deprecated
   * APIs, and all grow older.
   */
  function uncounted(answer: unknown): unknown {
    const text = JSON.stringify(answer)
      .replaceAll(/"(requests|upSeconds)":\d+/g, '"$1":"some"')
      .replaceAll(/"observedAt":"[^"]+"/g, '"observedAt":"some"')
      .replaceAll(/asked for it \w+( times)? since/g, 'asked for it since');
    return JSON.parse(text);
  }

  /** What two looks at a cluster that is left alone have in common. */
  function withoutMoment(seen: unknown): unknown {
    const {
      observedAt: _moment,
      members,
      leases,
      etcd,
      snapshotStore,
      ...rest
    } = uncounted(seen) as Observation;
    return {
      ...rest,
      members: members.map(({ certificates = {}, ...member }) => ({
        ...member,
        certificates: Object.values(certificates).map(({ expiresAt }) => expiresAt),
      })),
      leases: leases.map(({ component, holder }) => `${component} ${holder}`).toSorted(),
      etcd: etcd.kind === 'observed' ? { ...etcd, members: etcd.members.length } : etcd,
      snapshotStore: snapshotStore.kind,
    };
  }

  it('is observed, planned for and checked as with the driver of its lab', async () => {
    const accessFile = await changed(() => ({
      driver: { kind: 'none', releases },
    }));

    const [seen, plan, preflight] = [
      await answerOf('observe', accessFile),
      await answerOf('plan', accessFile),
      await answerOf('preflight', accessFile),
    ];

    const byTheLab = (await answerOf('observe', lab.accessFile)) as Observation;
    // What etcd could be changed to is known by who changes it.
    const { availableEtcdVersions, ...common } = byTheLab;
    expect(availableEtcdVersions).toContain('3.5.21');
    expect(withoutMoment(seen)).toEqual(withoutMoment(common));
    expect(plan).toMatchObject({ kind: 'planned' });
    expect(plan).toEqual(await answerOf('plan', lab.accessFile));
    expect(preflight).toMatchObject({ kind: 'clear' });
    expect(uncounted(preflight)).toEqual(uncounted(await answerOf('preflight', lab.accessFile)));
  });

  it('is planned for with the releases that are known when none are listed', async () => {
    const accessFile = await changed(() => ({ driver: { kind: 'none' } }));

    expect(await answerOf('observe', accessFile)).not.toHaveProperty('availableVersions');
    expect(await answerOf('plan', accessFile)).toMatchObject({ kind: 'planned' });
  });

  it('whose etcd is out of reach is planned for, and the preflight tells of it', async () => {
    const endpoint = `https://127.0.0.1:${await freePortBlock(1)}`;
    const accessFile = await changed(({ etcd }) => ({
      driver: { kind: 'none' },
      etcd: { ...etcd, members: etcd.members.map(({ name }) => ({ name, endpoint })) },
    }));

    expect(await answerOf('plan', accessFile)).toMatchObject({ kind: 'planned' });
    expect(await answerOf('preflight', accessFile)).toMatchObject({
      kind: 'blocked',
      findings: expect.arrayContaining([
        expect.objectContaining({ code: 'etcd-unobserved', severity: 'blocks' }),
      ]) as unknown,
    });
  });

  it('whose controllers are out of reach has no plan, and is told which', async () => {
    const address = `https://127.0.0.1:${await freePortBlock(1)}`;
    const accessFile = await changed(({ members }) => ({
      driver: { kind: 'none' },
      members: members.map((member) => ({ ...member, scheduler: address })),
    }));

    expect(await answerOf('plan', accessFile)).toMatchObject({
      kind: 'blocked',
      blockers: [{ code: 'member-unobserved', component: 'kube-scheduler' }],
    });
  });
});
