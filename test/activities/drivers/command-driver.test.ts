import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

import type { CommandStep } from '../../../activities/access';
import { eventually } from '../../../lab/waiting';
import { memberName, minor, nodeName, version } from '../../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf } from '../../support/fake-cluster';
import { never, refusalOf } from '../adapters/support/refusals';
import { aContext, programs } from './support/programs';

jest.setTimeout(180_000);

const { at, read, write, driver } = programs();
const done = `echo '{"type":"result","status":"done"}'`;
const to = version('1.29.15');
const node = nodeName('worker-1');
const member = memberName('cp-1');

/** What a program says, and how it ends, when it is asked to upgrade a node. */
function upgrade(script: string, { timeoutMs = 150_000, graceMs = 300 } = {}) {
  const file = write('upgrade', script);
  const { nodes } = driver({ node: { argv: [file, 'and', 'more'], timeoutMs } }, { graceMs });
  return (context = aContext()) => nodes.upgradeNode(node, to, context);
}

/** `P`: the program, as messages name it. */
async function refused(work: Promise<unknown>) {
  const { message, ...rest } = await refusalOf(work);
  const named = `the command driver.node (${at('upgrade')})`;
  return { ...rest, message: message.replace(named, 'P') };
}

/** Whether a process lives; one that has ended and was not waited for does not. */
function lives(pid: string): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', pid.trim()], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

describe('a program is told', () => {
  const asked = async (
    step: CommandStep,
    ask: (of: ReturnType<typeof driver>) => Promise<unknown>,
  ) => {
    const of = driver({ [step]: write('tell', `cat > asked.json; ${done}`) });
    await ask(of);
    return JSON.parse(read('asked.json')) as unknown;
  };
  const common = { apiVersion: 'ascent/command/v1', cluster: 'prod' };
  const change = { ...common, operationId: 'op-1', from: '1.28.15', to };
  const ofMember = { ...change, member: 'cp-1' };
  const programsTo = { version: to, emulates: minor('1.28') };

  it('which node, from where and where to', async () => {
    expect(await asked('node', (of) => of.nodes.upgradeNode(node, to, aContext()))).toEqual({
      ...change,
      step: 'node',
      node: 'worker-1',
      component: 'kubelet',
    });
  });

  it('which component of which member, and as what it is to serve', async () => {
    const api = { ...ofMember, emulates: '1.28', component: 'kube-apiserver' };
    expect(
      await asked('apiServer', ({ controlPlane }) =>
        controlPlane.upgrade(member, 'kube-apiserver', programsTo, aContext()),
      ),
    ).toEqual({ ...api, step: 'apiServer' });
    expect(
      await asked('putBack', ({ controlPlane }) =>
        controlPlane.putBack(member, 'kube-apiserver', programsTo, aContext()),
      ),
    ).toEqual({ ...api, step: 'putBack' });
    expect(
      await asked('controllers', ({ controlPlane }) =>
        controlPlane.upgrade(member, 'controllers', { version: to }, aContext()),
      ),
    ).toEqual({ ...ofMember, step: 'controllers', component: 'controllers' });
    expect(
      await asked('member', ({ controlPlane }) =>
        controlPlane.upgrade(member, 'member', { version: to }, aContext()),
      ),
    ).toEqual({ ...ofMember, step: 'member', component: 'member' });
    expect(
      await asked('etcd', ({ controlPlane }) => controlPlane.changeEtcd(member, to, aContext())),
    ).toEqual({ ...ofMember, step: 'etcd', component: 'etcd' });
    expect(
      await asked('repairEtcd', ({ controlPlane }) =>
        controlPlane.repairEtcdMember(member, aContext()),
      ),
    ).toEqual({ ...common, step: 'repairEtcd', member: 'cp-1', operationId: 'op-1' });
  });

  it('what a restore is of; its id is that of the operation', async () => {
    const restored = {
      restoreId: 'restore-7',
      snapshotFile: '/tmp/snapshot',
      snapshotRevision: 4711,
      version: to,
      etcdVersion: '3.5.21',
    };
    const of = driver({
      restore: write(
        'restore',
        `cat > asked.json
        echo '{"type":"result","status":"done","lost":[{"member":"cp-2","problem":"no disk"}]}'`,
      ),
    });
    expect(await of.controlPlane.restore(restored, aContext())).toEqual({
      lost: [{ member: 'cp-2', problem: 'no disk' }],
    });
    expect(JSON.parse(read('asked.json'))).toEqual({
      ...common,
      step: 'restore',
      operationId: 'restore-7',
      to,
      snapshotFile: '/tmp/snapshot',
      snapshotRevision: 4711,
      etcdVersion: '3.5.21',
    });
  });

  it('nothing on its command line but what the access file says, by no shell', async () => {
    const file = write('arguments', `printf '%s\\n' "$@" > arguments.txt; ${done}`);
    const argv = [file, '$HOME; exit 1', '*'] as const;
    const { nodes } = driver({ node: { argv, timeoutMs: 30_000 } });
    await nodes.upgradeNode(node, to, aContext());
    expect(read('arguments.txt')).toBe('$HOME; exit 1\n*\n');
  });

  it('of the environment what is always there and what the access file names', async () => {
    const of = driver(
      {
        node: write(
          'variables',
          `env | cut -d= -f1 | grep -vxE 'PWD|OLDPWD|SHLVL|_' | sort > variables.txt
           ${done}`,
        ),
      },
      { variables: { REGION: 'eu' } },
    );
    await of.nodes.upgradeNode(node, to, aContext());
    expect(read('variables.txt')).toBe('HOME\nPATH\nREGION\n');
  });
});

describe('a program tells', () => {
  it('phases, and lines for the log, the last of which is a phase as well', async () => {
    const context = aContext();
    await upgrade(
      `echo '{"type":"phase","phase":"pulling images"}'
       echo '{"type":"log","message":"3 of 4"}'
       ${done}`,
    )(context);
    expect(context.phases).toEqual([`running ${at('upgrade')}`, 'pulling images', '3 of 4']);
    expect(context.logged).toEqual(['3 of 4']);
  });

  it('its result in half a line, after lines that are not of the protocol', async () => {
    const halfLine = upgrade(
      `echo 'PLAY [all] ***'
       echo '{"type":"phase"}'
       printf '{"type":"result","status":"done"}'`,
    );
    await expect(halfLine()).resolves.toBeUndefined();
  });

  it('more than is logged: the rest is passed over, all of it is read', async () => {
    const context = aContext();
    await upgrade(
      `i=0; while [ $i -lt 600 ]; do echo '{"type":"log","message":"line"}'; i=$((i+1)); done
       ${done}`,
    )(context);
    expect(context.logged).toHaveLength(501);
    expect(context.logged.at(-1)).toBe('500 lines: no more of them are logged');
  });

  it('100 MB of lines, and nothing is kept of them', async () => {
    const line = 'x'.repeat(60_000);
    const loud = upgrade(
      `yes ${line} | head -c 100000000; yes ${line} | head -c 9000000 >&2; echo; ${done}`,
    );
    await expect(loud()).resolves.toBeUndefined();
  });

  it('releases, which are asked for or stand in the access file', async () => {
    const tells = driver({
      versions: write(
        'versions',
        `printf '{"type":"result","status":"done",'
         echo '"versions":["v1.29.15"],"etcdVersions":["3.5.21"]}'`,
      ),
    }).controlPlane;
    expect(await tells.availableVersions(never)).toEqual(['1.29.15']);
    expect(await tells.availableEtcdVersions(never)).toEqual(['3.5.21']);
    const stands = driver({}, { releases: [to] }).controlPlane;
    expect(await stands.availableVersions(never)).toEqual(['1.29.15']);
    expect(await stands.availableEtcdVersions(never)).toBeUndefined();
  });

  it('what a restore needs, in a line that may be long', async () => {
    const content = Buffer.alloc(100_000, 'k');
    const item = { kind: 'pki', name: 'ca.key', base64: content.toString('base64') };
    const result = JSON.stringify({ type: 'result', status: 'done', items: [item] });
    write('needs.json', `#!${result}\n`);
    const of = driver({ restoreNeeds: write('needs', `cut -c3- needs.json`) }).controlPlane;
    const needs = (await of.restoreNeeds(never)) ?? [];
    expect(needs.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['pki ca.key']);
    expect(needs[0]?.content.equals(content)).toBe(true);
    expect(await driver({}).controlPlane.restoreNeeds(never)).toBeUndefined();
  });

  it('what it can change: what there is a command for', () => {
    expect(driver({ node: 'x', restore: 'x', versions: 'x' }).controlPlane.drives).toEqual([
      'node',
      'restore',
    ]);
  });

  it('members as wholes where there is a command for these', () => {
    expect(driver({ member: 'x' }).controlPlane.changedAs).toBe('member');
    expect(driver({ apiServer: 'x', controllers: 'x' }).controlPlane).not.toHaveProperty(
      'changedAs',
    );
  });
});

describe('a program that is not done', () => {
  const result = (status: string, more = ''): string =>
    `echo '{"type":"result","status":"${status}"${more}}'`;
  const because = ',"reason":"the repository is locked"';

  it.each([
    {
      when: 'asks to be run again later',
      script: `${result('retry', `${because},"retryAfterSeconds":90`)}; exit 75`,
      is: {
        code: 'unexpected',
        message: 'P asks to be run again later: the repository is locked',
        retryAfterSeconds: 90,
      },
    },
    {
      when: 'asks to be run again and does not say when, nor why but on its error output',
      script: 'echo locked >&2; exit 75',
      is: { code: 'unexpected', message: 'P asks to be run again later: locked' },
    },
    {
      when: 'refuses',
      script: `${result('refused', because)}; exit 77`,
      is: { code: 'rejected', message: 'P refused: the repository is locked' },
    },
    {
      when: 'fails, and says why on its error output',
      script: 'for i in 1 2 3 4 5 6; do echo "line $i" >&2; done; exit 3',
      is: {
        code: 'unexpected',
        message: 'P ended with 3: line 2 | line 3 | line 4 | line 5 | line 6',
      },
    },
    {
      when: 'fails, and says nothing',
      script: 'exit 1',
      is: { code: 'unexpected', message: 'P ended with 1' },
    },
    {
      when: 'ends with 0 and no result',
      script: `echo '{"type":"phase","phase":"done"}'`,
      is: { code: 'unexpected', message: 'P ended with 0 and no result' },
    },
    {
      when: 'prints no JSON',
      script: 'echo; echo PLAY; echo ok; echo \'{"type":"result","status":"fine"}\'',
      is: {
        code: 'unexpected',
        message:
          'P ended with 0 and no result (it printed 3 lines not of the protocol,' +
          ' the first is line 2)',
      },
    },
    {
      when: 'prints half a line',
      script: `printf '{"type":"result","sta'`,
      is: {
        code: 'unexpected',
        message:
          'P ended with 0 and no result (it printed a line not of the protocol,' +
          ' the first is line 1)',
      },
    },
    {
      when: 'contradicts itself',
      script: result('refused', because),
      is: {
        code: 'unexpected',
        message: 'P ended with 0, and its result says refused: the repository is locked',
      },
    },
    {
      when: 'contradicts itself the other way round',
      script: `${result('done')}; exit 77`,
      is: { code: 'unexpected', message: 'P ended with 77, and its result says done' },
    },
    {
      when: 'dies by a signal',
      script: 'kill -SEGV $$',
      is: { code: 'unexpected', message: 'P was ended by SIGSEGV' },
    },
    {
      when: 'prints a line without an end',
      script: 'yes | tr -d "\\n"',
      is: {
        code: 'unexpected',
        message: 'P printed a line of more than 64 KiB and was ended',
      },
    },
  ])('$when', async ({ script, is }) => {
    expect(await refused(upgrade(script)())).toEqual(is);
  });

  it('never ends: it is asked to, then killed, with all that it started', async () => {
    const endless = upgrade(`trap '' TERM; sleep 60 & echo $! > child; wait; sleep 60`, {
      timeoutMs: 3_000,
    });
    expect(await refused(endless())).toEqual({
      code: 'unexpected',
      message: 'P did not end within 3 s and was ended',
    });
    expect(lives(read('child'))).toBe(false);
  });

  it('has no more time than the attempt that runs it', async () => {
    expect(await refused(upgrade('sleep 60')(aContext({ limitMs: 400 })))).toEqual({
      code: 'unexpected',
      message: 'P did not end within 400 ms and was ended',
    });
  });

  it('cannot be executed', async () => {
    const { nodes } = driver({ node: { argv: [at('lost')], timeoutMs: 1_000 } });
    expect(await refusalOf(nodes.upgradeNode(node, to, aContext()))).toEqual({
      code: 'rejected',
      message: `the command driver.node (${at('lost')}) cannot be executed (ENOENT)`,
    });
  });

  it("does not read what it is told: that alone is nobody's failure", async () => {
    await expect(upgrade(`exec <&-; ${done}`)()).resolves.toBeUndefined();
  });

  it('leaves a child behind that holds its output: that ends with it', async () => {
    await upgrade(`sleep 60 & echo $! > child; ${done}`)();
    expect(lives(read('child'))).toBe(false);
  });

  it('is cancelled: all of its group gets SIGTERM and time to tidy up', async () => {
    const stop = new AbortController();
    const running = upgrade(
      `(trap 'echo tidied > tidied; exit 0' TERM; echo $$ > tidier; while :; do sleep 0.05; done) &
       trap 'exit 0' TERM
       echo '{"type":"phase","phase":"under way"}'
       while :; do sleep 0.05; done`,
      { graceMs: 60_000 },
    );
    const context = aContext({ signal: stop.signal });
    const ended = running(context).catch((error: unknown) => error);
    const isUnderWay = async (): Promise<boolean> =>
      context.phases.includes('under way') && existsSync(at('tidier'));
    expect(await eventually(isUnderWay, { timeoutMs: 60_000, everyMs: 20 })).toBe(true);
    stop.abort(new Error('not today'));
    expect(await ended).toEqual(new Error('not today'));
    expect(read('tidied')).toBe('tidied\n');
    expect(lives(read('tidier'))).toBe(false);
  });

  it('is not even started when the attempt is cancelled already', async () => {
    const context = aContext({ signal: AbortSignal.abort(new Error('not today')) });
    await expect(upgrade(`echo > started; ${done}`)(context)).rejects.toThrow('not today');
    expect(existsSync(at('started'))).toBe(false);
  });
});

describe('programs', () => {
  it('for one object run one after the other, for several at the same time', async () => {
    const file = write(
      'turns',
      `name=$(sed 's/.*"node":"\\([^"]*\\)".*/\\1/')
       mkdir "lock-$name" || exit 3
       sleep 0.3; rmdir "lock-$name"; ${done}`,
    );
    const { nodes } = driver({ node: file });
    const names = ['worker-1', 'worker-1', 'worker-1', 'worker-2'].map(nodeName);
    const runs = names.map((name) => nodes.upgradeNode(name, to, aContext()));
    expect(await Promise.all(runs)).toHaveLength(4);
  });

  it('that are missing are refused, with the key to add', async () => {
    const { nodes, controlPlane } = driver({});
    const restore = {
      restoreId: 'r',
      snapshotFile: 'f',
      snapshotRevision: 1,
      version: to,
      etcdVersion: '3.5.21',
    };
    const asked: Partial<Record<CommandStep, () => Promise<unknown>>> = {
      node: () => nodes.upgradeNode(node, to, aContext()),
      apiServer: () => controlPlane.upgrade(member, 'kube-apiserver', { version: to }, aContext()),
      controllers: () => controlPlane.upgrade(member, 'controllers', { version: to }, aContext()),
      member: () => controlPlane.upgrade(member, 'member', { version: to }, aContext()),
      putBack: () => controlPlane.putBack(member, 'controllers', { version: to }, aContext()),
      etcd: () => controlPlane.changeEtcd(member, to, aContext()),
      restore: () => controlPlane.restore(restore, aContext()),
      repairEtcd: () => controlPlane.repairEtcdMember(member, aContext()),
    };
    for (const [step, ask] of Object.entries(asked)) {
      expect(await refusalOf(ask())).toEqual({
        code: 'rejected',
        message: `there is no command for it: add driver.${step} to the access file of the worker`,
      });
    }
  });

  it('that answer what cannot be used are named', async () => {
    const result = (more: string) => `echo '{"type":"result","status":"done"${more}}'`;
    const versions = driver({ versions: write('bad', result('')) }).controlPlane;
    expect(await refusalOf(versions.availableVersions(never))).toEqual({
      code: 'unexpected',
      message: 'the result of driver.versions is not what it must be: versions',
    });
    const none = driver({ versions: write('none', result(',"versions":["new"]')) }).controlPlane;
    expect(await refusalOf(none.availableVersions(never))).toEqual({
      code: 'unexpected',
      message: 'the result of driver.versions has a release that is none',
    });
  });
});

describe('a secret of the environment', () => {
  const variables = { API_TOKEN: 's3cret"42', REGION: 'eu-central-1' };
  const key = '-----BEGIN-----\nMIIBVAIBADANBgkq\n-----END-----\n';

  it('appears in no phase, no log, no reason, and not at the end of an error output', async () => {
    const speaking = (script: string) =>
      driver({ node: write('upgrade', script) }, { variables: { ...variables, SSH_KEY: key } });
    const context = aContext();
    const says = `{"type":"log","message":"token s3cret\\"42 in $REGION"}`;
    const phase = `{"type":"phase","phase":"with s3cret\\"42"}`;
    const first = speaking(
      `cat <<END
${says.replace('"42', '\\"42')}
${phase.replace('"42', '\\"42')}
END
       echo "no: $API_TOKEN" >&2; echo "$SSH_KEY" >&2; exit 1`,
    );
    const failed = await refused(first.nodes.upgradeNode(node, to, context));
    expect(failed).toEqual({
      code: 'unexpected',
      message: 'P ended with 1: no: *** | *** | *** | ***',
    });
    expect(context.logged).toEqual(['token *** in eu-central-1']);
    expect(context.phases.slice(1)).toEqual(['token *** in eu-central-1', 'with ***']);
    const second = speaking(
      `printf '{"type":"result","status":"refused","reason":"bad s3cret\\\\"42"}'; exit 77`,
    );
    expect(await refused(second.nodes.upgradeNode(node, to, aContext()))).toEqual({
      code: 'rejected',
      message: 'P refused: bad ***',
    });
  });
});

describe('an activity that asks a program', () => {
  const input = { cluster, node, from: version('1.28.15'), to };
  const aCluster = (script: string) => {
    const fake = new FakeCluster();
    fake.setControlPlane('1.29.15');
    fake.kube.addNode('worker-1', { unschedulable: true });
    const { nodes } = driver({ node: write('upgrade', script) });
    return { ports: { ...fake.ports, nodes }, driver: undefined };
  };

  it('is tried again after the delay that it asks for', async () => {
    const later = '{"type":"result","status":"retry","reason":"locked","retryAfterSeconds":90}';
    const attempt = new FakeAttempt();
    const run = attempt.run(aCluster(`echo '${later}'; exit 75`), 'upgradeNode', input);
    expect(await failureOf(run)).toEqual({
      type: 'node-upgrade-failed',
      nonRetryable: false,
      message:
        'changing the kubelet of node worker-1 to 1.29.15: the command driver.node' +
        ` (${at('upgrade')}) asks to be run again later: locked`,
      details: [{ reason: 'unexpected', retryAfterSeconds: 90 }],
      nextRetryDelay: 90_000,
    });
  });

  it('fails for good when it refuses', async () => {
    const no = '{"type":"result","status":"refused","reason":"this node is not ours"}';
    const run = new FakeAttempt().run(aCluster(`echo '${no}'; exit 77`), 'upgradeNode', input);
    expect(await failureOf(run)).toMatchObject({
      type: 'node-upgrade-failed',
      nonRetryable: true,
      message: expect.stringMatching(/refused: this node is not ours$/) as string,
    });
  });

  it('heartbeats its phases, and tells each attempt the same operation', async () => {
    const fake = aCluster(`cat >> asked.jsonl; echo '{"type":"phase","phase":"half"}'; exit 1`);
    const attempts = [new FakeAttempt(), new FakeAttempt()];
    for (const attempt of attempts) await failureOf(attempt.run(fake, 'upgradeNode', input));
    expect(attempts.map(({ heartbeats }) => heartbeats.at(-1))).toMatchObject([
      { phase: 'half' },
      { phase: 'half' },
    ]);
    const ids = read('asked.jsonl')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly operationId: string }).operationId);
    expect(ids).toEqual([expect.stringMatching(/^op-[0-9a-f]{24}$/), ids[0]]);
  });

  it('is not asked at all where the node is there already', async () => {
    const fake = new FakeCluster();
    fake.setControlPlane('1.29.15');
    fake.kube.addNode('worker-1', { unschedulable: true, kubeletVersion: 'v1.29.15' });
    const { nodes } = driver({ node: write('upgrade', 'exit 1') });
    const served = { ports: { ...fake.ports, nodes }, driver: undefined };
    expect(await new FakeAttempt().run(served, 'upgradeNode', input)).toMatchObject({
      changed: false,
    });
  });
});
