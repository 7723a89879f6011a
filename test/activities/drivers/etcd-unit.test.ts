// How an etcd that is a unit is read from its process, with the sh of this machine: a process is a
// directory as below /proc, and systemctl is what a test says.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readAsked, readUnit, unitLookScript } from '../../../activities/drivers/etcd-unit-look';
import { etcdUnitScript } from '../../../activities/drivers/etcd-unit-scripts';
import { staticPods } from '../../../activities/drivers/kubeadm-restore-parts';
import { scriptHead } from '../../../activities/drivers/machine-script';
import type { MemberName } from '../../../domain/names';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const directory = temporaryDirectory();
const at = (name: string): string => path.join(directory, name);

const unit = { name: 'etcd' } as const;

interface Process {
  readonly words?: readonly string[];
  readonly variables?: readonly string[];
  /** Content of its configuration file. */
  readonly config?: string;
  readonly program?: string;
}

let processes = 100;

function program(name: string, script: string): string {
  const file = at(`bin/${name}`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Its number. */
function runs({ words = [], variables = [], config, program: run = 'etcd' }: Process): number {
  processes += 1;
  const place = at(`proc/${processes}`);
  mkdirSync(place, { recursive: true });
  if (config !== undefined) writeFileSync(at('etcd.conf.yml'), config);
  const all = [at(`bin/${run}`), ...words];
  writeFileSync(path.join(place, 'cmdline'), all.map((word) => `${word}\0`).join(''));
  writeFileSync(path.join(place, 'environ'), variables.map((one) => `${one}\0`).join(''));
  symlinkSync(at(`bin/${run}`), path.join(place, 'exe'));
  symlinkSync(directory, path.join(place, 'cwd'));
  return processes;
}

function sh(script: string): string {
  return execFileSync('sh', ['-s', '--', 'etcd-1'], { input: script, encoding: 'utf8' });
}

/** What systemctl tells of the unit. */
function systemd(pid: number, state = 'active', load = 'loaded'): string {
  return `systemctl() { printf 'LoadState=${load}\\nActiveState=${state}\\nMainPID=${pid}\\n'; }\n`;
}

function described(running: Process, client?: { ca: string; certificate: string; key: string }) {
  const options = client === undefined ? unit : { ...unit, client };
  const head = `${scriptHead}${staticPods}${etcdUnitScript(options, at('proc'))}`;
  const script = `describe_unit "${at('seen')}"; cd "${at('seen')}"`;
  return sh(`${systemd(runs(running))}${head}${script}; cat unit.yaml; echo; cat arguments`);
}

function looked(running: Process | undefined, { state = 'active', load = 'loaded' } = {}) {
  const pid = running === undefined ? 0 : runs(running);
  const script = unitLookScript(unit, at('proc'));
  return readUnit(sh(systemd(pid, state, load) + script), 'etcd-1');
}

const files = ['member.crt', 'member.key', 'ca.crt'];
const flagsOf = (flags: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(flags).map(([name, value]) => `--${name}=${value}`);

beforeAll(() => {
  program('etcd', 'echo "etcd Version: 3.5.15"; echo "Git SHA: 1"');
  program('docker', 'true');
  const restoring = 'case "$*" in *--help) echo "      --bump-revision uint" ;;';
  program('etcdctl', `${restoring} *) echo "etcdctl version: 3.5.15" ;; esac`);
  mkdirSync(at('data/member'), { recursive: true });
  for (const file of files) writeFileSync(at(file), '');
});

const whole = (): Readonly<Record<string, string>> => ({
  name: 'etcd-1',
  'data-dir': at('data'),
  'advertise-client-urls': 'https://10.0.0.31:2379',
  'listen-client-urls': 'https://127.0.0.1:2379,https://10.0.0.31:2379',
  'initial-advertise-peer-urls': 'https://10.0.0.31:2380',
  'cert-file': at('member.crt'),
  'key-file': at('member.key'),
  'trusted-ca-file': at('ca.crt'),
});

const manifest = (flags: Readonly<Record<string, string>>): string =>
  [
    ['program', at('bin/etcd')],
    ...['name', 'data-dir', 'advertise-client-urls', 'listen-client-urls']
      .concat('initial-advertise-peer-urls', 'cert-file', 'key-file', 'trusted-ca-file')
      .flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  ]
    .map(([name, value]) => `    - --${name ?? ''}=${value ?? ''}\n`)
    .join('');

describe('how a unit of etcd runs', () => {
  it('is read from its arguments, in each form that etcd takes', () => {
    const { name, 'data-dir': data, ...others } = whole();
    const words = ['--name', name ?? '', `-data-dir=${data ?? ''}`, '--client-cert-auth'];
    expect(described({ words: [...words, ...flagsOf(others), '--quota-backend-bytes=8'] })).toBe(
      `${manifest(whole())}\n--name=etcd-1\n--data-dir=${data}\n--client-cert-auth=true\n` +
        `${flagsOf(others).join('\n')}\n--quota-backend-bytes=8\n`,
    );
  });

  it('is read from its variables, which arguments come before', () => {
    const variables = Object.entries({ ...whole(), name: 'other' }).map(
      ([name, value]) => `ETCD_${name.toUpperCase().replaceAll('-', '_')}=${value}`,
    );
    const running = { words: ['--name=etcd-1'], variables: [...variables, 'ETCDCTL_API=3'] };
    expect(described(running)).toBe(`${manifest(whole())}\n--name=etcd-1\n`);
  });

  it('is read from its configuration file, and from nothing else then', () => {
    const { 'cert-file': cert, 'key-file': key, 'trusted-ca-file': ca, ...flat } = whole();
    const config = [
      '# of etcd',
      ...Object.entries(flat).map(([name, value]) => `${name}: "${value}"`),
      'client-transport-security:',
      `  cert-file: ${cert}`,
      `  key-file: '${key}' # secret`,
      `  trusted-ca-file: ${ca}`,
      'peer-transport-security:',
      '  cert-file: peer.crt',
      'wal-dir:',
      '',
    ].join('\n');
    const words = ['--config-file', 'etcd.conf.yml', '--name=other'];
    expect(described({ words, config })).toBe(`${manifest(whole())}\n--name=other\n`);
  });

  it('begins relative paths where it runs, and has the defaults of etcd', () => {
    const words = ['--cert-file=member.crt'];
    const flags = {
      name: 'default',
      'data-dir': at('default.etcd'),
      'cert-file': at('member.crt'),
    };
    expect(described({ words })).toBe(`${manifest(flags)}\n--cert-file=member.crt\n`);
  });

  it('is asked with the files of a client where there are any', () => {
    const client = { ca: '/c/ca.crt', certificate: '/c/client.crt', key: '/c/client.key' };
    const files = { 'cert-file': client.certificate, 'key-file': client.key };
    const expected = manifest({ ...whole(), ...files, 'trusted-ca-file': client.ca });
    expect(described({ words: flagsOf(whole()) }, client)).toContain(expected);
  });
});

describe('the look at a unit', () => {
  const fit = {
    kind: 'observed',
    name: 'etcd-1',
    version: '3.5.15',
    sockets: ['10.0.0.31:2379', '127.0.0.1:2379'],
    faults: [],
  };

  it('finds nothing where a restore has all it needs', () => {
    expect(looked({ words: flagsOf(whole()) })).toEqual(fit);
  });

  it('tells every fault at once', () => {
    const { 'advertise-client-urls': advertised, ...others } = whole();
    const flags = {
      ...others,
      name: 'infra0',
      'initial-advertise-peer-urls': 'https://10.0.0.31:2380,https://10.1.0.31:2380',
      'data-dir': at('no data'),
      'wal-dir': at('wal'),
      'cert-file': at('gone.crt'),
      'trusted-ca-file': '',
    };
    expect(advertised).toBeDefined();
    expect(looked({ words: flagsOf(flags) })).toEqual({
      ...fit,
      faults: [
        { why: 'other-name', name: 'infra0' },
        { why: 'flag-missing', flag: 'advertise-client-urls' },
        {
          why: 'peers-several',
          urls: 'https://10.0.0.31:2380,https://10.1.0.31:2380',
        },
        { why: 'data-missing', directory: at('no data') },
        { why: 'log-apart', directory: at('wal') },
        { why: 'file-missing', flag: 'cert-file', file: at('gone.crt') },
        { why: 'flag-missing', flag: 'trusted-ca-file' },
      ],
    });
  });

  it.each([
    ['is not there', undefined, { load: 'not-found' }, { why: 'unit-missing', unit: 'etcd' }],
    [
      'is down',
      undefined,
      { state: 'failed' },
      { why: 'unit-stopped', unit: 'etcd', state: 'failed' },
    ],
    [
      'runs a container',
      { program: 'docker' },
      {},
      { why: 'not-etcd', unit: 'etcd', program: 'docker' },
    ],
  ])('tells that it %s, and believes nothing else', (_, running, state, fault) => {
    expect(looked(running, state)).toEqual({ ...fit, version: '', sockets: [], faults: [fault] });
  });

  it('wants programs that restore, of the minor that runs', () => {
    const faults = [{ why: 'programs-missing', version: '3.5.15' }];
    const before = at('bin/etcdctl');
    const says = (version: string, help: string) =>
      program(
        'etcdctl',
        `case "$*" in *--help) echo "${help}" ;; *) echo "etcdctl version: ${version}" ;; esac`,
      );
    expect(says('3.6.1', '--bump-revision')).toBe(before);
    expect(looked({ words: flagsOf(whole()) })).toEqual({ ...fit, faults });
    says('3.5.15', '--skip-hash-check');
    expect(looked({ words: flagsOf(whole()) })).toEqual({ ...fit, faults });
    says('3.5.15', '--bump-revision');
    expect(looked({ words: flagsOf(whole()) })).toEqual(fit);
  });

  it.each([
    ['fault', 'is not known'],
    ['fault what etcd\nend\n', 'is not known'],
    ['version 3.5.15\n', 'has no end'],
    ['Last login: today\nend\n', 'is of somebody else'],
    ['end\nversion 3.5.15\n', 'goes on after the end'],
  ])('is not believed where %j, which %s', (text) => {
    expect(readUnit(text, 'etcd-1')).toBeUndefined();
  });
});

describe('the look at what an API server asks', () => {
  const name = 'cp-1' as MemberName;

  it('is a static pod, or endpoints with their addresses', () => {
    expect(readAsked('pod\nendpoint https://127.0.0.1:2379 127.0.0.1:2379\nend\n', name)).toEqual({
      kind: 'observed',
      name,
      isPod: true,
      endpoints: [{ url: 'https://127.0.0.1:2379', sockets: ['127.0.0.1:2379'] }],
    });
    const text = 'endpoint https://etcd:2379 10.0.0.31:2379 etcd:2379\nendpoint ftp: \nend\n';
    expect(readAsked(text, name)).toEqual({
      kind: 'observed',
      name,
      isPod: false,
      endpoints: [
        { url: 'https://etcd:2379', sockets: ['10.0.0.31:2379', 'etcd:2379'] },
        { url: 'ftp:', sockets: [] },
      ],
    });
  });

  it.each(['pod', 'pods\nend\n', 'pod here\nend\n', ''])('is not believed as %j', (text) => {
    expect(readAsked(text, name)).toBeUndefined();
  });
});
