// Members that serve as the minor before, asked past the engine: what the programs of 1.32 say of
// themselves and what is on in them, what the supervisor remembers, and that neither the change
// to them, nor the switch, nor the way back costs a request.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createEtcdApi } from '../../../activities/adapters/etcd-api';
import type { EtcdSnapshotFacts } from '../../../activities/snapshot-ports';
import { installedBinaries } from '../../../lab/binaries';
import { KubeRest } from '../../../lab/kube-rest';
import type { Lab } from '../../../lab/lab';
import { labDown, labUp } from '../../../lab/lab';
import { labLayout } from '../../../lab/layout';
import type { Program } from '../../../lab/supervisor/program';
import { programName } from '../../../lab/supervisor/program';
import { startsOf } from '../../support/lab-starts';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';
import { startWriter } from '../../support/lab-writer';

jest.setTimeout(300_000);

const before: Program = { version: '1.31.4' };
const emulating: Program = { version: '1.32.5', emulates: '1.31' };
const after: Program = { version: '1.32.5' };
const names = ['cp-1', 'cp-2', 'cp-3'];

describe('members of 1.31 that get 1.32, serving as 1.31 first', () => {
  let root: string;
  let stateDir: string;
  let lab: Lab;
  let taken: EtcdSnapshotFacts;
  let snapshotFile: string;
  const signal = new AbortController().signal;
  const tell = aStory(() => Promise.resolve(''));

  const up = async (): Promise<void> => {
    const { version } = before;
    lab = await labUp({ name: 'as', stateDir, members: 3, nodes: 2, workloads: 'none', version });
  };

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-emulation-'));
    stateDir = path.join(root, 'lab');
    await up();
  });

  afterAll(async () => {
    await labDown({ stateDir });
    await rm(root, { recursive: true, force: true });
  });

  /** `v1.32.5, API of 1.31, selectors ALPHA`: a feature that is beta, and on, from 1.32 on. */
  const surface = async (apiServer: string): Promise<string> => {
    const kube = await KubeRest.admin(labLayout(stateDir), apiServer);
    const get = (question: string) => kube.must({ method: 'GET', path: question });
    try {
      const { gitVersion } = (await get('/version')).body as { gitVersion: string };
      const { info } = (await get('/openapi/v3/version')).body as { info: { version: string } };
      const metrics = String((await get('/metrics')).body);
      const feature = /^kubernetes_feature_enabled\{name="AuthorizeWithSelectors",stage="(\w+)"/m;
      const stage = feature.exec(metrics)?.[1];
      return `${gitVersion}, API of ${info.version}, selectors ${stage}`;
    } finally {
      kube.close();
    }
  };
  const surfaces = () => Promise.all(lab.access.members.map(({ apiServer }) => surface(apiServer)));

  /** `cp-1 1.32.5 as 1.31 / 1.31.4`: API server, controllers. */
  const members = async (): Promise<readonly string[]> => {
    const status = await lab.control.status();
    return status.members.map(
      ({ name, apiServer, controllers }) =>
        `${name} ${programName(apiServer)} / ${programName(controllers)}` +
        (apiServer.running && controllers.running ? '' : ' stopped'),
    );
  };
  const all = (program: Program): readonly string[] =>
    names.map((name) => `${name} ${programName(program)} / ${programName(program)}`);

  /** In the order of a hop. */
  const changeAll = async (to: Program): Promise<void> => {
    for (const name of names) await lab.control.changeApiServer(name, to);
    for (const name of names) await lab.control.changeControllers(name, to);
  };

  /** With somebody who writes all the while. */
  const underLoad = async (work: () => Promise<void>) => {
    const writer = await startWriter(labLayout(stateDir), lab.apiUrl);
    try {
      await work();
      const { acknowledged, unacknowledged } = await writer.stop();
      return { writes: acknowledged.size, unacknowledged, lost: await writer.lost() };
    } finally {
      writer.close();
    }
  };
  const nothingLost = { writes: expect.any(Number), unacknowledged: [], lost: [] };

  const starts = (process: string) => startsOf(stateDir, process);

  tell('what a release cannot serve as is refused, and nothing stops', async () => {
    const { etcdutl } = await installedBinaries();
    const etcd = createEtcdApi({ access: lab.access.etcd, etcdutl });
    snapshotFile = path.join(root, 'snapshot.db');
    taken = await etcd.snapshot(snapshotFile, () => undefined, signal);
    const wrong = { version: '1.31.4', emulates: '1.30' };

    await expect(lab.control.changeApiServer('cp-1', wrong)).rejects.toMatchObject({
      problems: ['unknown-version'],
      message: expect.stringContaining('1.31.4 cannot serve as 1.30') as string,
    });

    expect(await members()).toEqual(all(before));
    expect(await starts('cp-1-api-server')).toEqual(['1.31.4']);
    expect(await surfaces()).toEqual(names.map(() => 'v1.31.4, API of 1.31, selectors ALPHA'));
  });

  tell('the new programs serve the old API, member by member', async () => {
    const seen = await underLoad(async () => {
      await changeAll(emulating);
    });

    expect(seen).toEqual(nothingLost);
    expect(await members()).toEqual(all(emulating));
    expect(await surfaces()).toEqual(names.map(() => 'v1.32.5, API of 1.31, selectors ALPHA'));
    await lab.control.changeApiServer('cp-1', emulating);
    expect(await starts('cp-1-api-server')).toEqual(['1.31.4', '1.32.5 as 1.31']);
  });

  tell('they do so again after a crash, and after one of the supervisor', async () => {
    await lab.control.fault({ kind: 'kill', process: 'cp-2-api-server' });
    await untilTrue('it has started again', async () => {
      const { apiServer } = (await lab.control.status()).members[1] ?? {};
      return apiServer?.running === true && (await starts('cp-2-api-server')).length === 3;
    });
    await lab.control.fault({ kind: 'end-supervisor' }).catch(() => undefined);
    await up();

    expect(await members()).toEqual(all(emulating));
    expect(await starts('cp-2-scheduler')).toEqual(['1.31.4', '1.32.5 as 1.31', '1.32.5 as 1.31']);
    expect(await surfaces()).toEqual(names.map(() => 'v1.32.5, API of 1.31, selectors ALPHA'));
  });

  tell('after the switch they serve the new API', async () => {
    const seen = await underLoad(async () => {
      await changeAll(after);
    });

    expect(seen).toEqual(nothingLost);
    expect(await members()).toEqual(all(after));
    expect(await surfaces()).toEqual(names.map(() => 'v1.32.5, API of 1.32, selectors BETA'));
  });

  tell('a restore starts everything as itself', async () => {
    await lab.control.changeApiServer('cp-3', emulating);
    await lab.control.restore({
      restoreId: 'back',
      snapshotFile,
      snapshotRevision: taken.revision,
      version: before.version,
    });

    expect(await members()).toEqual(all(before));
    expect(await starts('cp-3-api-server')).toEqual([
      '1.31.4',
      '1.32.5 as 1.31',
      '1.32.5 as 1.31',
      '1.32.5',
      '1.32.5 as 1.31',
      '1.31.4',
    ]);
  });

  tell('the way back before the switch costs no request either', async () => {
    await changeAll(emulating);

    const seen = await underLoad(async () => {
      for (const name of names) await lab.control.changeControllers(name, before);
      for (const name of names) await lab.control.changeApiServer(name, before);
    });

    expect(seen).toEqual(nothingLost);
    expect(await members()).toEqual(all(before));
    expect(await surfaces()).toEqual(names.map(() => 'v1.31.4, API of 1.31, selectors ALPHA'));
  });
});
