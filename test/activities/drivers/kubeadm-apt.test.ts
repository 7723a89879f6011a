// Packages of a release by Debian's own apt, on a machine behind a real sshd: what it installs lies
// over the host's /etc, /usr and /var, which stay as they are.

import { existsSync } from 'node:fs';
import { hostname } from 'node:os';

import { createSshMachines } from '../../../activities/adapters/ssh-machines';
import { programsScript } from '../../../activities/drivers/kubeadm-programs';
import { releasesOnAll } from '../../../activities/drivers/kubeadm-releases';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { runStep } from '../../../activities/drivers/machine-steps';
import { version } from '../../support/builders';
import {
  type Deb,
  debsOf,
  describeWithApt,
  programs,
  writeDebRepository,
} from '../../support/deb-repository';
import { untilTrue } from '../../support/lab-until';
import { SshServer } from '../../support/ssh-server';
import { never, refusalOf } from '../adapters/support/refusals';
import { aContext } from './support/programs';

jest.setTimeout(180_000);

const self = hostname().toLowerCase();
const wantedSpecs = programs.map((name) => `${name}=1.29.15-1.1`).join(' ');
const list = '/etc/apt/sources.list.d/kubernetes.list';
const to = version('1.29.15');
const doing = 'changing it';
const packages = { kind: 'apt', repository: list } as const;

describeWithApt('packages of apt', () => {
  let server: SshServer;
  let count = 0;

  const machines = () => {
    const access = { ssh: server.access(), machines: { [self]: host() } };
    return createSshMachines({ access, agentSocket: undefined });
  };
  const host = () => ({ host: '127.0.0.1', port: server.port });
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
  const repository = (minor: string, debs: readonly Deb[]): void =>
    writeDebRepository(server.at(`repository/v${minor}/deb`), debs);
  /** The release of the hop, whose kubeadm is like that. */
  const withKubeadm = (other: Partial<Deb>): void =>
    repository(
      '1.29',
      debsOf('1.29.15').map((deb) => (deb.name === 'kubeadm' ? { ...deb, ...other } : deb)),
    );
  const listOf = (minor: string): string =>
    `deb [trusted=yes] file:${server.at('repository')}/v${minor}/deb ./\n`;
  const install = (own: object = packages, context = aContext()) => {
    count += 1;
    const all = programsScript({ ...packages, ...own }, to);
    const script = `${scriptHead}${all}check_programs\nput kubeadm\nput kubectl kubelet\n`;
    const options = { machines: machines(), pollMs: 20 };
    const step = { machine: self, doing, script };
    return runStep(options, step, { ...context, operationId: `op-${count}`, limitMs: 110_000 });
  };
  const installed = async (): Promise<readonly string[]> =>
    (await run(`dpkg-query -W -f '\${Version}\\n' ${programs.join(' ')}`)).trim().split('\n');
  const held = async (): Promise<readonly string[]> =>
    (await run('apt-mark showhold')).trim().split('\n');
  const old = programs.map((name) => `${name}=1.28.15-1.1`).join(' ');
  const wanted = programs.map(() => '1.29.15-1.1');
  const refused = (why: string) => ({
    code: 'rejected',
    message: expect.stringContaining(`${doing} on machine ${self} is refused: ${why}`) as string,
  });

  /** Of 1.28.15, all three held. */
  const reset = async (): Promise<void> => {
    repository('1.28', debsOf('1.28.14', '1.28.15'));
    repository('1.29', debsOf('1.29.14', '1.29.15'));
    server.write('list', listOf('1.28'));
    await run(`
      cp ${server.at('list')} ${list}
      apt-get -q update
      apt-get -q -y --allow-downgrades --allow-change-held-packages install ${old}
      apt-mark hold ${programs.join(' ')}
    `);
  };

  beforeAll(async () => {
    server = await SshServer.start(['etc', 'usr', 'var']);
    await run(
      'rm -rf /etc/apt/sources.list /etc/apt/sources.list.d; mkdir /etc/apt/sources.list.d',
    );
  });

  afterAll(async () => server?.stop());

  beforeEach(reset);

  it('are of the release afterwards, and held as they were', async () => {
    await run('apt-mark unhold kubectl');
    const context = aContext();
    await install({}, context);
    expect(await installed()).toEqual(wanted);
    expect(await held()).toEqual(['kubeadm', 'kubelet']);
    expect(await run(`cat ${list}`)).toBe(listOf('1.29'));
    expect(await run('kubeadm version -o short')).toBe('v1.29.15\n');
    expect(context.phases).toEqual([
      'naming the repository of v1.29',
      'reading the package lists',
      'installing kubeadm=1.29.15-1.1',
      'installing kubectl=1.29.15-1.1 kubelet=1.29.15-1.1',
    ]);
    expect(await run('ls /var/lib/ascent/packages')).toBe('');
    expect(existsSync('/var/lib/dpkg/info/kubeadm.list')).toBe(false);
  });

  it('stay when they are of the release, also where their repository is away', async () => {
    await install();
    writeDebRepository(server.at('repository'), []);
    const context = aContext();
    await install({}, context);
    expect(context.phases).toEqual([]);
    expect(await installed()).toEqual(wanted);
  });

  it('are known by the releases of every minor that follows', async () => {
    repository('1.30', [...debsOf('1.30.14'), { name: 'kubeadm', revision: '1.30.15-1.1' }]);
    repository('1.32', debsOf('1.32.1'));
    expect(await releasesOnAll(machines(), packages, never)).toEqual([
      '1.28.14',
      '1.28.15',
      '1.29.14',
      '1.29.15',
      '1.30.14',
    ]);
    expect(await run(`cat ${list}`)).toBe(listOf('1.28'));
    expect(await releasesOnAll(machines(), { kind: 'apt' }, never)).toEqual(['1.28.14', '1.28.15']);
  });

  it.each([
    {
      where: 'the release is in no repository',
      before: () => Promise.resolve(repository('1.29', debsOf('1.29.14'))),
      why: 'no repository of this machine has kubeadm 1.29.15',
    },
    {
      where: 'another package is held back',
      before: () => Promise.resolve(withKubeadm({ control: ['Depends: base-files (>= 999)'] })),
      why: `these cannot be installed: ${wantedSpecs}: The following information may help`,
    },
    {
      where: 'something else would go for it',
      before: () => Promise.resolve(withKubeadm({ control: ['Conflicts: openssh-server'] })),
      why: `these cannot be installed: ${wantedSpecs}: it would remove openssh-server`,
    },
    {
      where: 'a package is half installed',
      before: () =>
        run(
          'sed -i "/^Package: kubectl$/,/^Status/s/ok installed/ok unpacked/" /var/lib/dpkg/status',
        ),
      after: 'dpkg --configure -a',
      why: 'the packages of this machine are not in order: ',
    },
    {
      where: 'the list is another file',
      own: { repository: '/etc/apt/sources.list.d/other.list' },
      why: '/etc/apt/sources.list.d/other.list is not there: correct driver.packages.repository',
    },
    {
      where: 'the list names no minor',
      before: () => run(`echo 'deb file:/nowhere ./' > ${list}`),
      why: `${list} names no repository of a minor (/v1.NN/)`,
      list: 'deb file:/nowhere ./\n',
    },
    {
      where: 'a program is no package',
      before: () => run('dpkg --force-all --purge kubelet'),
      why: 'kubelet is not a package here, and driver.packages.kind is apt',
    },
    {
      where: 'there is no apt',
      before: () => run('mv /usr/bin/apt-get /usr/bin/apt-gone'),
      after: 'mv /usr/bin/apt-gone /usr/bin/apt-get',
      why: 'there is no apt-get on this machine, and driver.packages.kind is apt',
    },
  ])('are left as they are where $where', async ({ before, after, own = {}, why, list: kept }) => {
    await before?.();
    const status = await run('md5sum /var/lib/dpkg/status /var/lib/apt/extended_states; true');
    expect(await refusalOf(install(own))).toEqual(refused(why));
    expect(await run('md5sum /var/lib/dpkg/status /var/lib/apt/extended_states; true')).toBe(
      status,
    );
    expect(await run(`cat ${list}`)).toBe(kept ?? listOf('1.28'));
    if (after !== undefined) await run(after);
  });

  it('are asked for again when their repository cannot be read', async () => {
    writeDebRepository(server.at('repository/v1.29'), []);
    expect(await refusalOf(install())).toEqual({
      code: 'unexpected',
      message: expect.stringMatching(
        /failed with 1: .*the package lists cannot be read: E: Failed/,
      ),
    });
    expect(await run(`cat ${list}`)).toBe(listOf('1.28'));
    expect(await held()).toEqual(['kubeadm', 'kubectl', 'kubelet']);
  });

  it('are held again when one cannot be installed', async () => {
    withKubeadm({ postinst: 'echo "no room" >&2; exit 3' });
    expect(await refusalOf(install())).toEqual({
      code: 'unexpected',
      message: expect.stringMatching(/ kubeadm=1.29.15-1.1 cannot be installed: .*kubeadm/),
    });
    expect(await held()).toEqual(['kubeadm', 'kubectl', 'kubelet']);
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

  it('are held again by the next attempt when the machine dies meanwhile', async () => {
    const flag = server.at('is-there');

    const postinst = `touch ${flag}; [ -e ${server.at('go')} ] || sleep 60`;
    withKubeadm({ postinst });
    const context = aContext();
    const done = install({}, context);
    await untilTrue('it is installed', () => Promise.resolve(existsSync(flag)));
    server.write('go', '');
    await server.cutPower();
    await done;
    expect(context.phases).toContain('ending an installation that was cut off');
    expect(await installed()).toEqual(wanted);
    expect(await held()).toEqual(['kubeadm', 'kubectl', 'kubelet']);
  });

  it('wait for another package manager, and tell which', async () => {
    const go = server.at('go-on');
    const postinst = `touch ${go}.waits; until [ -e ${go} ]; do sleep 0.05; done`;
    repository('1.28', [{ name: 'other', revision: '1-1', postinst }]);
    const other = 'apt-get -qq update && apt-get -qq install other';
    await run(`setsid -f sh -c '${other}' > /dev/null 2>&1 < /dev/null`);
    await untilTrue('it is at work', () => Promise.resolve(existsSync(`${go}.waits`)));
    const context = aContext();
    const done = install({}, context);
    const waiting = 'waiting for another package manager';
    await untilTrue('it waits', () => Promise.resolve(context.phases.includes(waiting)));
    server.write('go-on', '');
    await done;
    expect(context.logged.find((line) => line.includes('Could not get lock'))).toContain(
      '(apt-get)',
    );
    expect(await installed()).toEqual(wanted);
  });
});
