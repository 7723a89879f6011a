import { chmodSync } from 'node:fs';
import path from 'node:path';

import { stringify } from 'yaml';

import type { CommandDriverAccess } from '../../../activities/access';
import { readAccessFile } from '../../../activities/adapters/access-file';
import { version } from '../../support/builders';
import { accessContent as valid, accessFolder } from './support/access-files';

const { access, at, write } = accessFolder();

/** Problems without the name of the file that each begins with. */
async function problemsOf(content: object | string): Promise<readonly string[]> {
  const file = write('access', content);
  const result = await readAccessFile(file);
  if (result.kind === 'read') return [];
  expect(result.problems.filter((problem) => !problem.startsWith(`${file}: `))).toEqual([]);
  return result.problems.map((problem) => problem.slice(file.length + 2));
}

describe('an access file', () => {
  it.each([
    { name: 'JSON', content: JSON.stringify(valid) },
    { name: 'YAML', content: stringify(valid) },
  ])('in $name is read, its paths relative to its folder', async ({ content }) => {
    expect(await readAccessFile(write('access', content))).toEqual({ kind: 'read', access });
  });

  it('may ask for Helm releases, to be read as everything else or by another account', async () => {
    const of = async (helmReleases: object) =>
      readAccessFile(write('access', { ...valid, helmReleases }));
    expect(await of({})).toEqual({ kind: 'read', access: { ...access, helmReleases: {} } });
    expect(await of({ kubeconfig: 'kubeconfig' })).toEqual({
      kind: 'read',
      access: { ...access, helmReleases: { kubeconfig: at('kubeconfig') } },
    });
    expect(await problemsOf({ ...valid, helmReleases: { kubeconfig: 'none' } })).toEqual([
      `helmReleases.kubeconfig: ${at('none')} does not exist`,
    ]);
    expect(await problemsOf({ ...valid, helmReleases: true })).toHaveLength(1);
  });

  it('may name a folder of files of add-ons', async () => {
    const of = async (addons: unknown) => readAccessFile(write('access', { ...valid, addons }));
    expect(await of('.')).toEqual({ kind: 'read', access: { ...access, addons: at('.') } });
    expect(await problemsOf({ ...valid, addons: 'none' })).toEqual([
      `addons: ${at('none')} does not exist`,
    ]);
    expect(await problemsOf({ ...valid, addons: 'kubeconfig' })).toEqual([
      `addons: ${at('kubeconfig')} is not a folder`,
    ]);
    expect(await problemsOf({ ...valid, addons: true })).toHaveLength(1);
  });

  it('needs no tools: then they are looked up on PATH', async () => {
    const { tools: _tools, ...without } = valid;
    expect(await readAccessFile(write('access', without))).toEqual({
      kind: 'read',
      access: { ...access, tools: {} },
    });
  });

  it.each([
    { driver: { kind: 'none' }, read: { kind: 'none' } },
    {
      driver: { kind: 'none', releases: ['1.28.15', 'v1.29.15'] },
      read: { kind: 'none', releases: ['1.28.15', '1.29.15'] },
    },
  ])('of a cluster that no driver changes is read: $driver', async ({ driver, read }) => {
    expect(await readAccessFile(write('access', { ...valid, driver }))).toEqual({
      kind: 'read',
      access: { ...access, driver: read },
    });
  });

  it.each([
    {
      driver: { kind: 'ssh' },
      problems: ['driver.kind: expected lab, command, kubeadm, cluster-api or none'],
    },
    {
      driver: { kind: 'none', socket: 'lab.sock', releases: ['1.29.15', '1.30', 'new'] },
      problems: [
        'driver.releases.1: expected a release such as "1.29.15"',
        'driver.releases.2: expected a release such as "1.29.15"',
        'driver.socket: unknown key; known are kind, releases',
      ],
    },
    {
      driver: { kind: 'none', releases: [] },
      problems: [
        'driver.releases: expected at least one release; leave releases out for those that' +
          ' Ascent knows',
      ],
    },
  ])('with the driver $driver is refused', async ({ driver, problems }) => {
    expect(await problemsOf({ ...valid, driver })).toEqual(problems);
  });

  it('with commands is read, their paths relative to its folder, names as they are', async () => {
    write('upgrade-node', '#!/bin/sh');
    chmodSync(at('upgrade-node'), 0o755);
    const driver = {
      kind: 'command',
      node: { argv: ['./upgrade-node', './group_vars'], timeout: '45m' },
      restore: { argv: ['restore-etcd'] },
      environment: ['AWS_PROFILE'],
      grace: '30s',
      releases: ['1.29.15'],
      etcdReleases: ['v3.5.21'],
    };
    const commands: CommandDriverAccess['commands'] = {
      node: { argv: [at('upgrade-node'), './group_vars'], timeoutMs: 2_700_000 },
      restore: { argv: ['restore-etcd'], timeoutMs: 1_800_000 },
    };
    const read: CommandDriverAccess = {
      kind: 'command',
      directory: path.dirname(at('upgrade-node')),
      commands,
      environment: ['AWS_PROFILE'],
      graceMs: 30_000,
      releases: [version('1.29.15')],
      etcdReleases: [version('3.5.21')],
    };
    expect(await readAccessFile(write('access', { ...valid, driver }))).toEqual({
      kind: 'read',
      access: { ...access, driver: read },
    });
    const shortest = { kind: 'command', node: { argv: ['upgrade-node'] } };
    expect(await readAccessFile(write('access', { ...valid, driver: shortest }))).toMatchObject({
      kind: 'read',
      access: { driver: { environment: [], graceMs: 10_000 } },
    });
  });

  it.each([
    {
      driver: {
        node: { argv: [], timeout: '45' },
        restore: { argv: 'restore', shell: true },
        etcd: { argv: ['x'], timeout: '25h' },
        environment: ['AWS PROFILE'],
        grace: '10m',
        releases: ['new'],
        upgrade: {},
      },
      problems: [
        'driver.environment.0: expected the name of a variable',
        'driver.etcd.timeout: expected a duration from 1s to 24h',
        'driver.grace: expected a duration from 1s to 5m',
        'driver.node.argv.0: is required',
        'driver.node.timeout: expected a duration with a unit, such as 30s, 5m or 2h',
        'driver.releases.0: expected a release such as "1.29.15"',
        'driver.restore.argv: expected a list that begins with a program',
        'driver.restore.shell: unknown key; known are argv, timeout',
        'driver.upgrade: unknown key; known are kind, node, apiServer, controllers, member,' +
          ' putBack, etcd, restore, repairEtcd, restoreNeeds, versions, environment, grace,' +
          ' releases, etcdReleases',
      ],
    },
    {
      driver: { versions: { argv: ['x'] }, releases: ['1.29.15'], etcdReleases: ['3.5.21'] },
      problems: [
        'driver.etcdReleases: there is a command versions, which tells them',
        'driver.node: is required: without a command for any change, the kind is none',
        'driver.releases: there is a command versions, which tells them',
      ],
    },
    {
      driver: { member: { argv: ['x'] }, apiServer: { argv: ['x'] }, controllers: { argv: ['x'] } },
      problems: [
        'driver.apiServer: there is a command member, which changes all of a member',
        'driver.controllers: there is a command member, which changes all of a member',
      ],
    },
  ])('with the commands $driver is refused', async ({ driver, problems }) => {
    const content = { ...valid, driver: { kind: 'command', ...driver } };
    expect((await problemsOf(content)).toSorted()).toEqual(problems);
  });

  it('names every program that is not there, or cannot be executed', async () => {
    write('plain', '#!/bin/sh');
    chmodSync(at('plain'), 0o644);
    const driver = {
      kind: 'command',
      node: { argv: ['./lost'] },
      etcd: { argv: ['./folder'] },
      restore: { argv: ['./plain'] },
    };
    expect(await problemsOf({ ...valid, driver })).toEqual([
      `driver.node.argv.0: ${at('lost')} does not exist`,
      `driver.etcd.argv.0: ${at('folder')} is not a file`,
      `driver.restore.argv.0: ${at('plain')} cannot be executed (EACCES)`,
    ]);
  });

  it('that names a bucket is read, its files relative to its folder', async () => {
    const s3 = {
      bucket: 'ascent-snapshots',
      prefix: 'clusters/prod',
      region: 'eu-central-1',
      endpoint: 'https://s3.example.com:9000',
      pathStyle: true,
      ca: 'ca.crt',
      credentials: { file: 'client.key', profile: 'ascent' },
    } as const;
    const read = {
      ...s3,
      ca: at('ca.crt'),
      credentials: { ...s3.credentials, file: at('client.key') },
    };
    const { snapshots } = valid;
    const ofAmazon = { bucket: 'ascent-snapshots', region: 'eu-central-1' };
    for (const [written, meant] of [
      [s3, read],
      [ofAmazon, ofAmazon],
      [
        { ...ofAmazon, credentials: { profile: 'a' } },
        { ...ofAmazon, credentials: { profile: 'a' } },
      ],
    ]) {
      const content = { ...valid, snapshots: { ...snapshots, s3: written } };
      expect(await readAccessFile(write('access', content))).toEqual({
        kind: 'read',
        access: { ...access, snapshots: { ...access.snapshots, s3: meant } },
      });
    }
  });

  it('tells what is wrong with its bucket, and keeps the clear off plain lines', async () => {
    const bucketed = (s3: object) => ({ ...valid, snapshots: { ...valid.snapshots, s3 } });
    const wrong = {
      bucket: 'Ascent_Snapshots',
      prefix: 'a/../b',
      endpoint: 'https://s3.example.com/path',
      credentials: {},
    };
    expect((await problemsOf(bucketed(wrong))).toSorted()).toEqual([
      'snapshots.s3.bucket: expected the name of a bucket',
      'snapshots.s3.credentials: expected file, profile or both; leave credentials out for those' +
        ' of the environment',
      'snapshots.s3.endpoint: expected https://HOST or https://HOST:PORT without a path',
      'snapshots.s3.prefix: expected no empty part, . or ..',
      'snapshots.s3.region: is required',
    ]);
    const s3 = { bucket: 'snapshots', region: 'local', endpoint: 'http://127.0.0.1:9000' };
    expect(await problemsOf(bucketed(s3))).toEqual([
      'snapshots.s3.endpoint: expected https://: snapshots in the clear do not travel in the clear',
    ]);
    const files = { ca: 'lost.crt', credentials: { file: 'lost' } };
    expect(
      await problemsOf(bucketed({ ...s3, endpoint: 'https://127.0.0.1:9000', ...files })),
    ).toEqual([
      `snapshots.s3.ca: ${at('lost.crt')} does not exist`,
      `snapshots.s3.credentials.file: ${at('lost')} does not exist`,
    ]);
  });

  it('tells every problem of its shape at once', async () => {
    const [member] = valid.members;
    const content = {
      ...valid,
      apiVersion: 'ascent/access/v2',
      cluster: 'Prod!',
      kubeConfig: 'x',
      members: [{ ...member, scheduler: 'http://10.0.0.1:10259' }],
      etcd: { ...valid.etcd, members: [] },
      driver: { kind: 'ssh' },
    };
    expect((await problemsOf(content)).toSorted()).toEqual(
      [
        'apiVersion: expected ascent/access/v1',
        'cluster: expected a lower-case DNS label',
        'driver.kind: expected lab, command, kubeadm, cluster-api or none',
        'etcd.members: expected at least one member',
        'kubeConfig: unknown key; known are apiVersion, cluster, kubeconfig, members, etcd,' +
          ' driver, helmReleases, addons, snapshots, tools - did you mean kubeconfig?',
        'members.0.scheduler: expected https://HOST:PORT without a path',
      ].toSorted(),
    );
  });

  it('says what is missing, and what was meant by a mistyped key', async () => {
    const { members, driver: _driver, ...rest } = valid;
    const content = { ...rest, membrs: members, etcd: { ...valid.etcd, ca: ['ca.crt'] } };
    expect(await problemsOf(content)).toEqual([
      'members: is required',
      'etcd.ca: expected text, got a list',
      'driver: is required',
      'membrs: unknown key; known are apiVersion, cluster, kubeconfig, members, etcd, driver,' +
        ' helmReleases, addons, snapshots, tools - did you mean members?',
    ]);
  });

  it('names what is used twice', async () => {
    const [member] = valid.members;
    expect(await problemsOf({ ...valid, members: [member, { ...member, name: 'cp-2' }] })).toEqual([
      'members.1.apiServer: https://10.0.0.1:6443 is used twice',
      'members.1.controllerManager: https://10.0.0.1:10257 is used twice',
      'members.1.scheduler: https://10.0.0.1:10259 is used twice',
    ]);
  });

  it('tells every file that is missing or is none at once', async () => {
    const etcd = { ...valid.etcd, ca: 'none.crt', key: 'folder' };
    const apiServers = { '1.28': 'kube-apiserver', '1.29': './none' };
    const tools = { etcd: './none', etcdutl: './kubeconfig', apiServers };
    expect(await problemsOf({ ...valid, kubeconfig: 'none', etcd, tools })).toEqual([
      `kubeconfig: ${at('none')} does not exist`,
      `etcd.ca: ${at('none.crt')} does not exist`,
      `etcd.key: ${at('folder')} is not a file`,
      `tools.etcd: ${at('none')} does not exist`,
      `tools.etcdutl: ${at('kubeconfig')} cannot be executed (EACCES)`,
      `tools.apiServers.1.29: ${at('none')} does not exist`,
    ]);
  });

  it('names an API server for each minor', async () => {
    const tools = { apiServers: { '1.28': 'kube-apiserver', '1.29': './etcdutl' } };
    expect(await readAccessFile(write('served.json', { ...valid, tools }))).toEqual({
      kind: 'read',
      access: {
        ...access,
        tools: { apiServers: { '1.28': 'kube-apiserver', '1.29': at('etcdutl') } },
      },
    });
    const release = { apiServers: { '1.28.15': 'kube-apiserver' } };
    expect(await problemsOf({ ...valid, tools: release })).toEqual([
      'tools.apiServers.1.28.15: expected a minor such as "1.29"',
    ]);
  });

  it('that is no document says where', async () => {
    const [first = ''] = await problemsOf('{ "cluster": "prod"');
    expect(first).toMatch(/at line 1, column \d+/);
  });

  it.each([
    { name: 'a private key', content: '-----BEGIN PRIVATE KEY-----\ns3cret\n-----END-----\n' },
    { name: 'broken YAML', content: 'key: |s3cret\n x' },
    { name: 'broken JSON', content: '{ "key": "\\x3s3cret" "s3cret"' },
    { name: 'an alias without an anchor', content: 'key: *s3cret' },
    { name: 'a directive', content: '%s3cret\n---\ncluster: prod\n' },
    { name: 'wrong values', content: { ...valid, kubeconfig: ['s3cret'], cluster: 'S3cret' } },
  ])('that is $name is refused without a word of it', async ({ content }) => {
    const problems = await problemsOf(content);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toMatch(/s3cret/i);
  });

  it('with a map as a key is refused without a warning of the parser', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(await problemsOf('? { a: 1 }\n: 2\n')).toContainEqual(
      expect.stringContaining('{ a: 1 }: unknown key; known are'),
    );
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('that is empty is refused', async () => {
    expect(await problemsOf('')).toEqual(['the file: expected a mapping, got nothing']);
  });

  it('that does not exist is refused', async () => {
    expect(await readAccessFile(at('nowhere'))).toEqual({
      kind: 'refused',
      problems: [`${at('nowhere')}: cannot be read (ENOENT)`],
    });
  });
});
