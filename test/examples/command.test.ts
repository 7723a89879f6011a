// The programs of examples/command, run by the driver as a worker does. What they call is not
// here: a stub of each records what it is called with, and answers as a test says.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import { parse } from 'yaml';

import { nodeName, version } from '../support/builders';
import { refusalOf } from '../activities/adapters/support/refusals';
import { aContext, type Heard, programs } from '../activities/drivers/support/programs';

jest.setTimeout(180_000);

const examples = path.resolve(__dirname, '../../examples/command');
const { at, read, write, driver } = programs();
const [older, newer] = [version('1.28.15'), version('1.29.15')];

beforeEach(() => rmSync(at('calls'), { force: true }));

/** A stub; `script` sees what it was called with as `$*`. */
function stub(name: string, script: string): void {
  write(name, `printf '%s\\n' "${name} $*" >> ${at('calls')}\n${script}`);
}

/** What the stubs were called with. */
function calls(): readonly string[] {
  return read('calls').trimEnd().split('\n');
}

interface Upgrade {
  readonly program: string;
  readonly args: readonly string[];
  readonly node: string;
  readonly to?: typeof newer;
  readonly from?: typeof newer;
}

function upgrade({ program, args, node, to = newer, from = older }: Upgrade, context?: Heard) {
  const argv = [path.join(examples, program), ...args] as const;
  // The stubs stand before whatever the machine has.
  const PATH = `${at('.')}:${process.env['PATH'] ?? ''}`;
  const variables = { PATH, ASCENT_EXAMPLE_POLL_MS: '10' };
  const { nodes } = driver({ node: { argv, timeoutMs: 150_000 } }, { variables });
  return nodes.upgradeNode(nodeName(node), to, context ?? aContext({ from }));
}

/** Without the name of the program. */
async function refused(work: Promise<unknown>) {
  const { message, ...rest } = await refusalOf(work);
  return { ...rest, message: message.replace(/^the command driver\.node \(.*?\) /, '') };
}

const inventory = {
  _meta: { hostvars: { 'cp-1': {}, 'worker-1': {}, 'worker-2': {} } },
  all: { children: ['kube_control_plane', 'kube_node'] },
  kube_control_plane: { children: ['first'] },
  first: { hosts: ['cp-1'] },
  kube_node: { hosts: ['worker-1', 'worker-2'] },
};

function stubAnsible(script: string): void {
  write('inventory.json', `#!\n${JSON.stringify(inventory)}`);
  stub('ansible-inventory', `tail -n +2 ${at('inventory.json')}`);
  stub('ansible-playbook', script);
}

describe('Kubespray', () => {
  const program = 'kubespray/upgrade-node.mjs';
  const args = ['--inventory', 'hosts.yaml', '--kubespray', './kubespray-{minor}'];
  const common = `-b -i ${at('hosts.yaml')}`;

  beforeAll(() => mkdirSync(at('kubespray-1.29')));

  it('is limited to the node, in the checkout of its minor, with its own drain off', async () => {
    stubAnsible(`echo "in $(basename "$PWD")"`);
    const context = aContext();
    await upgrade({ program, args: [...args, '--version-prefix', 'v'], node: 'worker-1' }, context);

    const variables = {
      kube_version: 'v1.29.15',
      drain_nodes: false,
      upgrade_node_always_cordon: false,
      upgrade_node_confirm: false,
      upgrade_node_post_upgrade_confirm: false,
    };
    expect(calls()).toEqual([
      `ansible-inventory -i ${at('hosts.yaml')} --list`,
      `ansible-playbook playbooks/facts.yml ${common}`,
      `ansible-playbook upgrade-cluster.yml ${common} --limit worker-1` +
        ` -e ${JSON.stringify(variables)}`,
    ]);
    expect(context.phases).toContain('upgrade-cluster.yml for worker-1');
    expect(context.logged).toEqual(['in kubespray-1.29', 'in kubespray-1.29']);
  });

  it.each([
    {
      when: 'a host that the inventory has not',
      node: 'worker-9',
      is: `refused: worker-9 is not in the inventory ${at('hosts.yaml')}`,
    },
    {
      when: 'a member of the control plane, which it would upgrade as a whole',
      node: 'cp-1',
      is: 'refused: cp-1 is a member of the control plane: Kubespray would upgrade all of it',
    },
    {
      when: 'an older version',
      node: 'worker-1',
      from: newer,
      to: older,
      is: 'refused: Kubespray does not take worker-1 back from 1.29.15 to 1.28.15',
    },
  ])('refuses $when', async ({ is, ...what }) => {
    stubAnsible('exit 1');
    expect(await refused(upgrade({ program, args, ...what }))).toEqual({
      code: 'rejected',
      message: is,
    });
  });

  it('is run again where a host does not answer, and fails with the reason', async () => {
    const run = () => refused(upgrade({ program, args, node: 'worker-2' }));
    stubAnsible('case "$*" in *upgrade-cluster*) exit 4;; esac');
    expect(await run()).toEqual({
      code: 'unexpected',
      message:
        'asks to be run again later: upgrade-cluster.yml for worker-2: a host does not answer',
      retryAfterSeconds: 60,
    });
    stubAnsible('echo "fatal: [worker-2]: FAILED! => no space"; echo RECAP; exit 2');
    expect(await run()).toEqual({
      code: 'unexpected',
      message:
        'ended with 1: playbooks/facts.yml for worker-2 ended with 2:' +
        ' fatal: [worker-2]: FAILED! => no space',
    });
  });
});

describe('Ansible', () => {
  const program = 'ansible/run-playbook.mjs';
  const args = ['--inventory', 'hosts.ini', '--playbook', 'upgrade.yml'];

  it('runs a playbook for one host, which is told the whole request', async () => {
    stubAnsible('echo done');
    await upgrade({ program, args, node: 'worker-1' });
    const ascent = {
      apiVersion: 'ascent/command/v1',
      cluster: 'prod',
      step: 'node',
      node: 'worker-1',
      component: 'kubelet',
      from: '1.28.15',
      to: '1.29.15',
      operationId: 'op-1',
    };
    expect(calls()).toEqual([
      `ansible-inventory -i ${at('hosts.ini')} --list`,
      `ansible-playbook ${at('upgrade.yml')} -i ${at('hosts.ini')} --limit worker-1` +
        ` -e ${JSON.stringify({ ascent })}`,
    ]);
  });

  it('refuses what it is not told how to do', async () => {
    stubAnsible('exit 1');
    expect(await refused(upgrade({ program, args, node: 'worker-9' }))).toEqual({
      code: 'rejected',
      message: `refused: worker-9 is not in the inventory ${at('hosts.ini')}`,
    });
    const half = args.slice(0, 2);
    expect(await refused(upgrade({ program, args: half, node: 'worker-1' }))).toEqual({
      code: 'rejected',
      message: 'refused: --playbook is missing',
    });
    const odd = [...args, '--check'];
    expect(await refused(upgrade({ program, args: odd, node: 'worker-1' }))).toEqual({
      code: 'rejected',
      message: 'refused: --check is not known here, or has no value',
    });
  });

  it('is run again where the host does not answer', async () => {
    stubAnsible('exit 4');
    expect(await refused(upgrade({ program, args, node: 'worker-1' }))).toEqual({
      code: 'unexpected',
      message: 'asks to be run again later: upgrade.yml for worker-1: a host does not answer',
      retryAfterSeconds: 30,
    });
  });

  it('has a playbook for nodes that is YAML, of one play', () => {
    const text = readFileSync(path.join(examples, 'ansible/upgrade-node.yml'), 'utf8');
    expect(parse(text)).toMatchObject([{ hosts: 'all', become: true }]);
  });
});

describe('EC2', () => {
  const program = 'aws/replace-root-volume.mjs';
  const args = ['--image', '1.28.15=ami-28', '--image', '1.29.15=ami-29'];
  const node = 'ip-10-0-0-7.eu-central-1.compute.internal';

  /** Its task is done at the second look, unless it ends in `state`. */
  function stubAws(found = '["i-7"]', state = 'succeeded'): void {
    rmSync(at('looked'), { force: true });
    stub(
      'aws',
      `case "$2" in
       describe-instances) echo '${found}';;
       create-*) echo '{"ReplaceRootVolumeTask":{"ReplaceRootVolumeTaskId":"task-1"}}';;
       describe-replace-*)
         state=in-progress; [ -e ${at('looked')} ] && state=${state}; touch ${at('looked')}
         echo "{\\"ReplaceRootVolumeTasks\\":[{\\"TaskState\\":\\"$state\\"}]}";;
       wait) exit 0;;
       esac`,
    );
  }

  it('gives the instance another root volume, with the operation as the token', async () => {
    stubAws();
    const context = aContext();
    await upgrade({ program, args, node }, context);

    const looked =
      'aws ec2 describe-replace-root-volume-tasks --replace-root-volume-task-ids task-1' +
      ' --output json';
    expect(calls()).toEqual([
      `aws ec2 describe-instances --filters Name=private-dns-name,Values=${node}` +
        ' Name=instance-state-name,Values=running' +
        ' --query Reservations[].Instances[].InstanceId --output json',
      'aws ec2 create-replace-root-volume-task --instance-id i-7 --image-id ami-29' +
        ' --client-token op-1 --delete-replaced-root-volume --output json',
      looked,
      looked,
      'aws ec2 wait instance-status-ok --instance-ids i-7',
    ]);
    expect(context.logged).toEqual(['task-1: in-progress', 'task-1: succeeded']);
  });

  it.each([
    {
      when: 'no image is given for the version',
      found: '["i-7"]',
      to: version('1.30.14'),
      is: { code: 'rejected', message: 'refused: no --image is given for 1.30.14' },
    },
    {
      when: 'several instances have the name',
      found: '["i-7","i-8"]',
      is: {
        code: 'rejected',
        message: `refused: 2 running instances have the private DNS name ${node}, not one`,
      },
    },
    {
      when: 'the instance was left without a root volume',
      state: 'failed-detached',
      is: {
        code: 'rejected',
        message: 'refused: task-1 left the instance without a root volume',
      },
    },
    {
      when: 'the task fails',
      state: 'failed',
      is: { code: 'unexpected', message: 'ended with 1: task-1: failed' },
    },
  ])('does not go on where $when', async ({ found, state, to = newer, is }) => {
    stubAws(found, state);
    expect(await refused(upgrade({ program, args, node, to }))).toEqual(is);
  });
});
