// What holds of packages of rpm, whoever installs them, on a machine behind a real sshd: what they
// install, and the database of rpm, lie over the host's /etc, /usr and /var, which stay as they
// are.

import { existsSync } from 'node:fs';
import { hostname } from 'node:os';

import { createSshMachines } from '../../../../activities/adapters/ssh-machines';
import { programsScript } from '../../../../activities/drivers/kubeadm-programs';
import { releasesOnAll } from '../../../../activities/drivers/kubeadm-releases';
import { scriptHead } from '../../../../activities/drivers/machine-script';
import { runStep } from '../../../../activities/drivers/machine-steps';
import { version } from '../../../support/builders';
import { programs } from '../../../support/deb-repository';
import { untilTrue } from '../../../support/lab-until';
import {
  describeWithRpm,
  type Rpm,
  rpmRelease,
  rpmsOf,
  writeRpmRepository,
} from '../../../support/rpm-repository';
import { SshServer } from '../../../support/ssh-server';
import { never, refusalOf } from '../../adapters/support/refusals';
import { aContext } from './programs';

const self = hostname().toLowerCase();
const to = version('1.29.15');
const doing = 'changing it';

export interface RpmManager {
  readonly kind: 'dnf' | 'zypper';
  /** Of the files that name repositories. */
  readonly folder: string;
  /** Between a name and its revision. */
  readonly between: string;
  /** On the machine, once. */
  readonly prepare: () => string;
  readonly install: string;
  readonly lock: string;
  readonly unlock: string;
  /** Prints the locks. */
  readonly locks: string;
  readonly lockOf: (name: string, release: string) => string;
  /** Whatever it has fetched. */
  readonly cache: string;
}

/** A file of its own for each manager: together they take three minutes. */
export function describePackagesOf(manager: RpmManager): void {
  describeWithRpm(`packages of ${manager.kind}`, () => {
    const { kind, between } = manager;
    const list = `${manager.folder}/kubernetes.repo`;
    const packages = { kind, repository: list };
    const specOf = (name: string, release = '1.29.15'): string =>
      `${name}${between}${release}-${rpmRelease}`;
    const wanted = programs.map(() => `1.29.15-${rpmRelease}`);
    let server: SshServer;
    let count = 0;

    const machines = () => {
      const address = { host: '127.0.0.1', port: server.port };
      const access = { ssh: server.access(), machines: { [self]: address } };
      return createSshMachines({ access, agentSocket: undefined });
    };
    /** On the machine. */
    const run = async (script: string): Promise<string> => {
      const shell = await machines().connect(self, never);
      try {
        const limits = { timeoutMs: 60_000, outputBytesMax: 64 * 1024 };
        const end = await shell.run({ doing: 'looking', script, args: [], ...limits }, never);
        if (end.code !== 0) throw new Error(`${script}: ${end.complaints.join(' | ')}`);
        return end.output.toString('utf8');
      } finally {
        shell.close();
      }
    };
    const repository = (minor: string, rpms: readonly Rpm[]): void =>
      writeRpmRepository(server.at(`repository/v${minor}/rpm`), rpms);
    /** The release of the hop, whose kubeadm is like that. */
    const withKubeadm = (other: Partial<Rpm>): void =>
      repository(
        '1.29',
        rpmsOf('1.29.15').map((rpm) => (rpm.name === 'kubeadm' ? { ...rpm, ...other } : rpm)),
      );
    const listOf = (minor: string): string =>
      [
        '[kubernetes]',
        'name=Kubernetes',
        `baseurl=file://${server.at('repository')}/v${minor}/rpm/`,
        'enabled=1',
        'gpgcheck=0',
        'gpgkey=file:///nowhere/v1.28/rpm/repodata/repomd.xml.key',
        ...(kind === 'dnf' ? ['exclude=kubelet kubeadm kubectl cri-tools kubernetes-cni'] : []),
        '',
      ].join('\n');
    const base = (): string =>
      `[base]\nname=base\nenabled=1\nbaseurl=file://${server.at('repository')}/base\ngpgcheck=0\n`;
    const install = (own: object = packages, context = aContext(), release = to) => {
      count += 1;
      const all = programsScript({ ...packages, ...own }, release);
      const script = `${scriptHead}${all}check_programs\nput kubeadm\nput kubectl kubelet\n`;
      const step = { machine: self, doing, script };
      const limits = { operationId: `op-${count}`, limitMs: 110_000 };
      return runStep({ machines: machines(), pollMs: 20 }, step, { ...context, ...limits });
    };
    const installed = async (): Promise<readonly string[]> =>
      (await run(`rpm -q --qf '%{evr}\\n' ${programs.join(' ')}`)).trim().split('\n');
    const locks = async (): Promise<readonly string[]> =>
      (await run(manager.locks)).trim().split('\n');
    const lockedAt = (release: string, ...names: readonly string[]): readonly string[] =>
      names.map((name) => manager.lockOf(name, release)).toSorted();
    const refused = (why: RegExp) => ({
      code: 'rejected',
      message: expect.stringMatching(
        new RegExp(`^${doing} on machine ${self} is refused: ${why.source}`),
      ) as string,
    });
    const twice = (): string =>
      server.at(`repository/v1.28/rpm/kubectl-1.28.14-${rpmRelease}.noarch.rpm`);

    /** Of 1.28.15, all three locked. */
    const reset = async (): Promise<void> => {
      repository('1.28', rpmsOf('1.28.14', '1.28.15'));
      repository('1.29', rpmsOf('1.29.14', '1.29.15'));
      for (const other of ['1.30', '1.32']) repository(other, []);
      writeRpmRepository(server.at('repository/base'), [
        { name: 'system', version: '1', tags: ['Provides: /bin/sh'] },
        { name: 'openssh-server', version: '1' },
        { name: 'cri-tools', version: '1' },
      ]);
      server.write('list', listOf('1.28'));
      server.write('base', base());
      const old = programs.map((name) => specOf(name, '1.28.15'));
      await run(`
      set -e
      cp ${server.at('list')} ${list}
      cp ${server.at('base')} ${manager.folder}/base.repo
      rm -rf /var/lib/rpm
      ${manager.install} system openssh-server cri-tools ${old.join(' ')}
      ${manager.lock} ${programs.join(' ')}
    `);
    };

    beforeAll(async () => {
      server = await SshServer.start(['etc', 'usr', 'var']);
      await run(`
      set -e
      mkdir -p /etc/rpm ${manager.folder}
      echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
      ${manager.prepare()}
    `);
    });

    afterAll(async () => server?.stop());

    beforeEach(reset);

    it('are of the release afterwards, and locked as they were', async () => {
      await run(`${manager.unlock} kubectl`);
      const context = aContext();
      await install({}, context);
      expect(await installed()).toEqual(wanted);
      expect(await locks()).toEqual(lockedAt('1.29.15', 'kubeadm', 'kubelet'));
      expect(await run(`cat ${list}`)).toBe(listOf('1.29'));
      expect(await run('kubeadm version -o short')).toBe('v1.29.15\n');
      expect(context.phases).toEqual([
        'naming the repository of v1.29',
        'reading the package lists',
        `installing ${specOf('kubeadm')}`,
        `installing ${specOf('kubectl')} ${specOf('kubelet')}`,
      ]);
      expect(await run('ls /var/lib/ascent/packages')).toBe('');
    });

    it('stay when they are of the release, also where their repository is away', async () => {
      await install();
      writeRpmRepository(server.at('repository'), []);
      const context = aContext();
      await install({}, context);
      expect(context.phases).toEqual([]);
      expect(await installed()).toEqual(wanted);
    });

    it('go back to a release before', async () => {
      await install();
      const before = programs.map(() => `1.28.15-${rpmRelease}`);
      await install({}, aContext(), version('1.28.15'));
      expect(await installed()).toEqual(before);
      expect(await locks()).toEqual(lockedAt('1.28.15', ...programs));
      expect(await run(`cat ${list}`)).toBe(listOf('1.28'));
    });

    it('are known by the releases of every minor that follows', async () => {
      repository('1.30', [...rpmsOf('1.30.14'), { name: 'kubeadm', version: '1.30.15' }]);
      repository('1.32', rpmsOf('1.32.1'));
      // packages.db of dnf is what it keeps of its own work.
      const sums = `find ${manager.cache} -type f ! -name packages.db | sort | xargs md5sum`;
      const cached = await run(sums);
      expect(await releasesOnAll(machines(), packages, never)).toEqual([
        '1.28.14',
        '1.28.15',
        '1.29.14',
        '1.29.15',
        '1.30.14',
      ]);
      expect(await run(`cat ${list}`)).toBe(listOf('1.28'));
      expect(await releasesOnAll(machines(), { kind }, never)).toEqual(['1.28.14', '1.28.15']);
      expect(await run(sums)).toBe(cached);
    });

    it.each([
      {
        where: 'the release is in no repository',
        before: () => Promise.resolve(repository('1.29', rpmsOf('1.29.14'))),
        why: /no repository of this machine has kubeadm 1\.29\.15/,
      },
      {
        where: 'something is missing for it',
        before: () => Promise.resolve(withKubeadm({ tags: ['Requires: other >= 999'] })),
        why: /these cannot be installed: .*other >= 999/,
      },
      {
        where: 'something else would go for it',
        before: () => Promise.resolve(withKubeadm({ tags: ['Obsoletes: openssh-server'] })),
        why: /these cannot be installed: .*: it would remove openssh-server/,
      },
      {
        where: 'what it needs is locked',
        before: async () => {
          const other = { name: 'cri-tools', version: '2' };
          const needy = { name: 'kubeadm', version: '1.29.15', tags: ['Requires: cri-tools >= 2'] };
          const others = rpmsOf('1.29.15').filter(({ name }) => name !== 'kubeadm');
          repository('1.29', [other, needy, ...others]);
          await run(`${manager.lock} cri-tools`);
        },
        why: /these cannot be installed: .*cri-tools/,
      },
      {
        where: 'a package is installed twice',
        before: () => run(`rpm -i --oldpackage --replacefiles ${twice()} 2> /dev/null`),
        why: /the packages of this machine are not in order: .*kubectl-1\.28\.14/,
      },
      {
        where: 'the list is another file',
        own: { repository: '/etc/other.repo' },
        why: /\/etc\/other\.repo is not there: correct driver\.packages\.repository/,
      },
      {
        where: 'the list names no minor',
        before: () => run(`echo 'baseurl=file:///nowhere' > ${list}`),
        why: /.*kubernetes\.repo names no repository of a minor \(\/v1\.NN\/\)/,
        list: 'baseurl=file:///nowhere\n',
      },
      {
        where: 'a program is no package',
        before: () => run('rpm -e kubelet 2> /dev/null'),
        why: new RegExp(`kubelet is not a package here, and driver.packages.kind is ${kind}`),
      },
      {
        where: 'the manager is not there',
        before: () => run(`mv /usr/bin/${kind} /usr/bin/gone`),
        after: `mv /usr/bin/gone /usr/bin/${kind}`,
        why: new RegExp(`there is no ${kind} on this machine, and driver.packages.kind is ${kind}`),
      },
    ])(
      'are left as they are where $where',
      async ({ before, after, own = {}, why, list: kept }) => {
        await before?.();
        const state = async (): Promise<readonly unknown[]> => [
          await run('rpm -qa | sort'),
          await locks(),
          await run(`cat ${list}`),
        ];
        const found = await state();
        expect(await refusalOf(install(own))).toEqual(refused(why));
        expect(await state()).toEqual(found);
        expect(found[2]).toBe(kept ?? listOf('1.28'));
        if (after !== undefined) await run(after);
      },
    );

    it('are asked for again when their repository cannot be read', async () => {
      writeRpmRepository(server.at('repository/v1.29'), []);
      expect(await refusalOf(install())).toEqual({
        code: 'unexpected',
        message: expect.stringMatching(/failed with 1: .*the package lists cannot be read: /),
      });
      expect(await run(`cat ${list}`)).toBe(listOf('1.28'));
      expect(await locks()).toEqual(lockedAt('1.28.15', ...programs));
    });

    it('are locked again when one cannot be installed', async () => {
      withKubeadm({ pre: 'echo "no room" >&2; exit 3' });
      expect(await refusalOf(install())).toEqual({
        code: 'unexpected',
        message: expect.stringMatching(
          new RegExp(` ${specOf('kubeadm')} cannot be installed: .*kubeadm`),
        ),
      });
      expect(await locks()).toEqual(lockedAt('1.28.15', ...programs));
    });

    it('that tell another version than theirs are not taken for it', async () => {
      withKubeadm({ tells: '1.29.14' });
      expect(await refusalOf(install())).toEqual({
        code: 'unexpected',
        message: expect.stringContaining(
          '/usr/bin/kubeadm is v1.29.14, not v1.29.15, although the package kubeadm is 1.29.15',
        ) as string,
      });
    });

    it('are locked, and there once, when the machine dies meanwhile', async () => {
      const flag = server.at('is-there');
      withKubeadm({ post: `touch ${flag}; [ -e ${server.at('go')} ] || sleep 60` });
      const context = aContext();
      const done = install({}, context);
      await untilTrue('it is installed', () => Promise.resolve(existsSync(flag)));
      server.write('go', '');
      await server.cutPower();
      await done;
      expect(context.phases).toContain('ending an installation that was cut off');
      expect(await installed()).toEqual(wanted);
      expect(await locks()).toEqual(lockedAt('1.29.15', ...programs));
    });

    it('wait for another package manager, and tell which', async () => {
      const go = server.at('go-on');
      const post = `touch ${go}.waits; until [ -e ${go} ]; do sleep 0.05; done`;
      repository('1.28', [...rpmsOf('1.28.15'), { name: 'other', version: '1', post }]);
      const other = kind === 'dnf' ? 'dnf -q -y --refresh' : 'zypper -q -n refresh; zypper -q -n';
      await run(`setsid -f sh -c '${other} install other' > /dev/null 2>&1 < /dev/null`);
      await untilTrue('it is at work', () => Promise.resolve(existsSync(`${go}.waits`)));
      const known = ['1.28.15', '1.29.14', '1.29.15'];
      expect(await releasesOnAll(machines(), packages, never)).toEqual(known);
      const context = aContext();
      const done = install({}, context);
      const waiting = 'waiting for another package manager';
      await untilTrue('it waits', () => Promise.resolve(context.phases.includes(waiting)));
      server.write('go-on', '');
      await done;
      expect(context.logged.find((line) => /application with pid/i.test(line))).toContain(kind);
      expect(await installed()).toEqual(wanted);
    });
  });
}
