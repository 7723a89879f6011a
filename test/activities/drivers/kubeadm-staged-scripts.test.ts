// The script by which a machine restores itself, on this machine: every path is below a directory
// of the test's own, and what it asks of container runtime, API server and etcd is played.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import {
  aboutWayBack,
  aloneOperation,
  stageCheckScript,
  stagedKnownScript,
  stagedLookScript,
  stagedOperation,
  stagedRestoreScript,
  stageFactsScript,
  stageScript,
  wayBackIn,
} from '../../../activities/drivers/kubeadm-staged-scripts';
import { until } from '../../support/lab-until';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const content = 'what etcd held';
const sha256 = createHash('sha256').update(content).digest('hex');
const own = 'cp-1=https://10.0.0.11:2380';
const others = 'cp-2=https://10.0.0.12:2380,cp-3=https://10.0.0.13:2380';
const decision = { target: 5_000_000, token: 'ascent-it', cluster: own };
const way = {
  version: '1.28.15',
  etcdVersion: '3.5.15',
  bytes: content.length,
  revision: 7,
  sha256,
  decision,
};
const pods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'];
const programs = {
  crictl: `
case $* in
  *' ps '*)
    pod=\${*##*name=}
    if [ -e "$root/etc/kubernetes/manifests/$pod.yaml" ]; then echo 1; fi
    ;;
esac
`,
  kubectl: '',
  etcdctl: `
case $* in
  version) echo 'etcdctl version: 3.5.15' ;;
  *'endpoint status'*)
    echo '[{"Status":{"header":{"member_id":3,"revision":'"$(cat "$root/present")"',"term":2}}}]'
    ;;
esac
`,
  etcdutl: `
case $* in
  version) echo 'etcdutl version: 3.5.15' ;;
  *--help*) echo --bump-revision ;;
  *status*) echo '{"hash":1,"revision":'"$(cat "$root/revision")"',"totalKey":1}' ;;
  *restore*)
    echo "$*" >> "$root/restored"
    cat "$root/etc/systemd/system/multi-user.target.wants/ascent-restore.service" > "$root/unit"
    if [ -e "$root/fails" ]; then rm "$root/fails"; echo 'no luck'; exit 1; fi
    for word in "$@"; do
      case $word in --data-dir=*) mkdir -p "\${word#--data-dir=}/member" ;; esac
    done
    ;;
esac
`,
};

describe('a machine that restores itself', () => {
  const parent = temporaryDirectory();
  let root: string;

  const at = (...parts: string[]): string => path.join(root, ...parts);
  const write = (file: string, text: string, mode = 0o600): void => {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text, { mode });
    chmodSync(at(file), mode);
  };
  const manifest = (pod: string, tag: string): string =>
    [
      `- --name=cp-1`,
      `- --data-dir=${at('var/lib/etcd')}`,
      '- --initial-advertise-peer-urls=https://10.0.0.11:2380',
      `image: registry.k8s.io/${pod}:${tag}`,
      '',
    ].join('\n');
  const here = (script: string): string =>
    script
      .replaceAll(/(?<![\w/])\/(var\/lib|etc|run\/systemd)\//g, `${root}/$1/`)
      .replaceAll('PATH=/usr/local/sbin', `PATH=${root}/programs:/usr/local/sbin`)
      .replaceAll(/sleep [12]0/g, 'sleep 0.1');
  const run = (
    which = way,
  ): { readonly code: number | null; readonly lines: readonly string[] } => {
    const script = at('var/lib/ascent/operations', stagedOperation('back'), 'script');
    mkdirSync(path.dirname(script), { recursive: true });
    writeFileSync(script, here(stagedRestoreScript(which)));
    const { status, stdout } = spawnSync('sh', [script], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], root },
    });
    return { code: status, lines: stdout.trim().split('\n') };
  };
  const restores = (): readonly string[] =>
    existsSync(at('restored')) ? readFileSync(at('restored'), 'utf8').trim().split('\n') : [];

  beforeEach(() => {
    root = mkdtempSync(path.join(parent, 'machine-'));
    for (const [name, script] of Object.entries(programs)) {
      write(`programs/${name}`, `#!/bin/sh\nroot=${root}\n${script}`, 0o755);
    }
    for (const name of ['etcdctl', 'etcdutl'] as const) {
      write(
        `var/lib/ascent/way-back/bin/${name}`,
        `#!/bin/sh\nroot=${root}\n${programs[name]}`,
        0o755,
      );
    }
    write('var/lib/ascent/way-back/about', `${aboutWayBack(way)}\n`);
    write('var/lib/ascent/way-back/snapshot.db', content);
    write('var/lib/kubelet/kubeadm-flags.env', '--container-runtime-endpoint=unix:///run/c.sock\n');
    write('var/lib/etcd/member/newer', '');
    write('run/systemd/system/is-there', '');
    write('revision', '7');
    write('present', '9');
    for (const pod of pods) {
      const [newer, older] = pod === 'etcd' ? ['3.5.16-0', '3.5.15-0'] : ['v1.29.15', 'v1.28.15'];
      write(`etc/kubernetes/manifests/${pod}.yaml`, manifest(pod, newer ?? ''));
      write(`var/lib/ascent/kept/v1.28.15/manifests/${pod}.yaml`, manifest(pod, older ?? ''));
    }
  });

  const unit = () => existsSync(at('etc/systemd/system/ascent-restore.service'));
  const running = (): readonly string[] =>
    pods.map((pod) => {
      const file = at('etc/kubernetes/manifests', `${pod}.yaml`);
      return existsSync(file) ? (/:(\S+)\n$/.exec(readFileSync(file, 'utf8'))?.[1] ?? '') : 'none';
    });
  const again = () =>
    `remove ${root}/var/lib/ascent/way-back on every member, and ask for the restore again`;
  const old = ['v1.28.15', 'v1.28.15', 'v1.28.15', '3.5.15-0'];
  const newer = ['v1.29.15', 'v1.29.15', 'v1.29.15', '3.5.16-0'];

  it('ends with the versions and the data of then, and clears up', () => {
    const { code, lines } = run();
    expect([code, lines.at(-1)]).toEqual([0, 'the control plane is restored']);
    expect(running()).toEqual(old);
    expect(restores()).toHaveLength(1);
    expect(restores()[0]).toContain(
      '--initial-cluster=cp-1=https://10.0.0.11:2380' +
        ' --initial-cluster-token=ascent-it --bump-revision=4999993 --mark-compacted',
    );
    expect(readdirSync(at('var/lib/etcd')).toSorted()).toEqual(['member', 'member.before-back']);
    expect(existsSync(at('var/lib/ascent/way-back'))).toBe(false);
    expect(existsSync(at('var/lib/ascent/restores/back/snapshot.db'))).toBe(false);
    expect(readFileSync(at('var/lib/ascent/restores/highest'), 'utf8')).toBe('5000000\n');
    expect(unit()).toBe(false);
  });

  it('lets the others be begun before it stops where there are several', () => {
    const cluster = `${own},${others}`;
    const shared = { ...way, decision: { ...decision, cluster } };
    write('var/lib/ascent/way-back/about', `${aboutWayBack(shared)}\n`);
    const { code, lines } = run(shared);
    expect(code).toBe(0);
    const phases = lines.flatMap((line) => /^phase: (.*)$/.exec(line)?.[1] ?? []);
    expect(phases.slice(0, 3)).toEqual([
      'looking whether all that is needed is there',
      'letting the other members be begun',
      'stopping kube-apiserver',
    ]);
    expect(restores()[0]).toContain(`--initial-cluster=${cluster} `);
  });

  it('is looked at without anything being stopped', () => {
    const script = here(stagedLookScript('back', way));
    const env = { PATH: process.env['PATH'], root };
    const look = () => spawnSync('sh', [], { input: script, encoding: 'utf8', env });
    expect(look().status).toBe(0);
    rmSync(at('var/lib/ascent/way-back/snapshot.db'));
    expect(look()).toMatchObject({
      status: 77,
      stdout: expect.stringContaining('/snapshot.db is not there\n') as string,
    });
    expect(running()).toEqual(newer);
    expect(unit()).toBe(false);
    expect(restores()).toEqual([]);
  });

  it('tells what it knows of a restore', () => {
    const known = (...args: string[]) =>
      execFileSync('sh', ['-s', ...args], { input: here(stagedKnownScript), encoding: 'utf8' });
    const about = aboutWayBack(way);
    expect(known('back')).toBe(`${about}\n`);
    run();
    expect(known('back')).toBe(`begun\n${about}\n`);
    expect(known('other')).toBe('');
  });

  it('is told by one line, which is read again', () => {
    const { bytes, ...told } = way;
    expect(wayBackIn(aboutWayBack({ ...told, bytes }))).toEqual(told);
    expect(wayBackIn('Kubernetes 1.28.15, etcd 3.5.15, revision 7')).toBeUndefined();
  });

  it('notes which member it is, and how far its etcd has come, when it is staged', () => {
    const script = (text: string): string => {
      const env = { PATH: process.env['PATH'], root };
      return execFileSync('sh', [], { input: here(text), encoding: 'utf8', env });
    };
    write('var/lib/ascent/restores/highest', '50\n');
    mkdirSync(at('var/lib/ascent/.way-back.new'), { recursive: true });
    script(stageCheckScript(way));
    expect(script(stageFactsScript)).toBe(`member: ${own}\npresent: 9\nhighest: 50\n`);
  });

  it('changes nothing more when it is begun again after its end', () => {
    run();
    write('var/lib/etcd/member/written-since', '');
    expect(run().code).toBe(0);
    expect(restores()).toHaveLength(1);
    expect(existsSync(at('var/lib/etcd/member/written-since'))).toBe(true);
  });

  it('tries again what fails after something was stopped', () => {
    write('fails', '');
    const { code, lines } = run();
    expect(code).toBe(0);
    expect(lines).toContain('it goes on in 10 s: the last try ended with 1');
    expect(restores()).toHaveLength(2);
    expect(running()).toEqual(old);
    expect(readFileSync(at('unit'), 'utf8')).toContain(
      `\nExecStart=/bin/sh ${root}/var/lib/ascent/way-back/restore\n`,
    );
  });

  it('goes on where it died, and does not restore data again that was written to', () => {
    run();
    const done = at('var/lib/ascent/restores/back');
    for (const name of ['done-api-server', 'done-controllers']) rmSync(path.join(done, name));
    write('var/lib/etcd/member/written-since', '');
    write('var/lib/ascent/restores/back/bin/etcdctl', '#!/bin/sh\n', 0o755);
    expect(run().code).toBe(0);
    expect(restores()).toHaveLength(1);
    expect(existsSync(at('var/lib/etcd/member/written-since'))).toBe(true);
  });

  it.each([
    {
      what: 'nothing is staged',
      change: () => rmSync(at('var/lib/ascent/way-back'), { recursive: true }),
      says: () => `no way back is staged in ${root}/var/lib/ascent/way-back`,
    },
    {
      what: 'another one is staged',
      change: () => write('var/lib/ascent/way-back/about', 'Kubernetes 1.27.1\n'),
      says: () =>
        `the way back in ${root}/var/lib/ascent/way-back is another one: Kubernetes 1.27.1`,
    },
    {
      what: 'the snapshot is gone',
      change: () => rmSync(at('var/lib/ascent/way-back/snapshot.db')),
      says: () => `${root}/var/lib/ascent/way-back/snapshot.db is not there`,
    },
    {
      what: 'the snapshot has become another',
      change: () => write('var/lib/ascent/way-back/snapshot.db', 'something else'),
      says: () => `${root}/var/lib/ascent/way-back/snapshot.db is not what was staged`,
    },
    {
      what: 'a manifest was not kept',
      change: () => rmSync(at('var/lib/ascent/kept/v1.28.15/manifests/kube-scheduler.yaml')),
      says: () =>
        `there is no kube-scheduler.yaml of 1.28.15 in ${root}/etc/kubernetes/manifests or` +
        ` ${root}/var/lib/ascent/kept/v1.28.15/manifests`,
    },
    {
      what: 'the snapshot is of another revision',
      change: () => write('revision', '8'),
      says: () => 'the snapshot is not of revision 7: {"hash":1,"revision":8,"totalKey":1}',
    },
    {
      what: 'it is a member that the others do not know of',
      change: () => {
        for (const place of ['etc/kubernetes', 'var/lib/ascent/kept/v1.28.15']) {
          write(`${place}/manifests/etcd.yaml`, manifest('etcd', '3.5.15-0').replace('.11', '.14'));
        }
      },
      says: () => `cp-1=https://10.0.0.14:2380 is not among ${own}: ${again()}`,
    },
    {
      what: 'etcd has come too near to what it is to go on at',
      change: () => write('present', '4000000'),
      says: () => `etcd is at revision 4000000 or above, and was to go on at 5000000: ${again()}`,
    },
    {
      what: 'another restore has gone there already',
      change: () => write('var/lib/ascent/restores/highest', '5000000\n'),
      says: () => `etcd is at revision 5000000 or above, and was to go on at 5000000: ${again()}`,
    },
  ])('is refused before anything is stopped where $what', ({ change, says }) => {
    change();
    const { code, lines } = run();
    expect([code, lines.at(-1)]).toEqual([77, says()]);
    expect(running().slice(0, 3)).toEqual(newer.slice(0, 3));
    expect(unit()).toBe(false);
    expect(restores()).toEqual([]);
  });

  it('is begun by hand with what is staged, under the name that it is given', async () => {
    rmSync(at('run'), { recursive: true });
    renameSync(at('var/lib/ascent/way-back'), at('var/lib/ascent/.way-back.new'));
    execFileSync('sh', [], { input: here(stageScript(way)), env: { root } });
    expect(readdirSync(at('var/lib/ascent/way-back')).toSorted()).toEqual(
      ['about', 'begin', 'begin-alone', 'bin', 'restore', 'snapshot.db'].toSorted(),
    );
    const command = (...args: string[]) => {
      const file = at('var/lib/ascent/way-back/restore');
      const { status, stdout, stderr } = spawnSync('sh', [file, ...args], {
        encoding: 'utf8',
        env: { root },
      });
      return [status, `${stdout}${stderr}`.trim().split('\n').at(-1)];
    };
    expect(command()).toEqual([
      64,
      `usage: sh ${root}/var/lib/ascent/way-back/restore NAME (ascent status tells it)`,
    ]);
    expect(command('a/b')).toEqual([64, 'no restore has the name a/b']);
    const journal = at('var/lib/ascent/operations/restore-by-hand-staged');
    expect(command('by-hand')).toEqual([
      0,
      `it goes on by itself, and tells how far it is in ${journal}/output`,
    ]);
    const end = await until('it ends', async () =>
      existsSync(path.join(journal, 'exit'))
        ? readFileSync(path.join(journal, 'exit'), 'utf8')
        : undefined,
    );
    expect([end, running()]).toEqual(['0\n', old]);
  });

  it('does not begin another restore while one was begun', () => {
    write('var/lib/ascent/way-back/begun', 'one\n');
    mkdirSync(at('var/lib/ascent/.way-back.new'), { recursive: true });
    const { status, stderr } = spawnSync('sh', [], {
      input: here(stageScript(way)),
      encoding: 'utf8',
    });
    expect([status, stderr.trim()]).toEqual([
      77,
      'restore one was begun on this machine, and is not done',
    ]);
  });

  it('is known by its name', () => {
    expect([stagedOperation('a%2Fb'), aloneOperation('a%2Fb')]).toEqual([
      'restore-a%2Fb-staged',
      'restore-a%2Fb-alone',
    ]);
  });
});
