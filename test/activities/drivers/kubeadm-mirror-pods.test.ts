// When a control plane counts as running, by a real sh, a kubectl that answers what it is told to,
// and a clock that goes on whenever it is asked.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { keepScript } from '../../../activities/drivers/kubeadm-kept';
import { mirrorPodsScript } from '../../../activities/drivers/kubeadm-mirror-pods';
import { programsScript } from '../../../activities/drivers/kubeadm-programs';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { version } from '../../support/builders';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const to = version('1.29.15');
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
type Component = (typeof components)[number];

/** As kubeadm writes it; the port differs by component. */
const manifestOf = (component: Component, port: string) => `
metadata:
  annotations:
    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 10.0.0.1:6443
spec:
  containers:
  - command:
    - ${component}
    image: registry.test/${component}:v1.29.15
    livenessProbe:
      failureThreshold: 8
      httpGet:
        host: 127.0.0.1
        path: /healthz
        port: ${port}
        scheme: HTTPS
      initialDelaySeconds: 10
    name: ${component}
`;

const kubectl = `
echo "$*" >> asked
case "$*" in
  *"get pod"*) cat mirrors ;;
  *proxy/pods) cat pods ;;
  *"get lease"*)
    second=$(($(cat renewed) + 2))
    if [ ! -e leaderless ]; then echo "$second" > renewed; fi
    [ ! -s lease ] || echo "$(cat lease) 2026-11-22T10:00:$(cat renewed)Z"
    ;;
  *:10257*metrics) cat manager ;;
  *readyz) [ ! -e not-serving ] ;;
  *127.0.0.1:10259*healthz) [ -e scheduler-answers ] ;;
  *) exit 1 ;;
esac`;

describe('a control plane runs', () => {
  const directory = temporaryDirectory();
  const at = (name: string) => path.join(directory, name);
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  const program = (name: string, script: string) => {
    write(`bin/${name}`, `#!/bin/sh\ncd ${directory}\n${script}\n`);
    chmodSync(at(`bin/${name}`), 0o755);
  };
  const mirror = (
    component: Component,
    { hash = `of-${component}`, tag = 'v1.29.15', ready = true },
  ) => `${component} ${hash} registry.test/${component}:${tag} ${ready}\n`;
  const mirrors = (others: Partial<Record<Component, Parameters<typeof mirror>[1]>> = {}) =>
    write('mirrors', components.map((one) => mirror(one, others[one] ?? {})).join(''));
  /** As the kubelet has them; `unseen` has no status yet. */
  const pods = (unseen?: Component) => {
    const pod = (name: string, hash: string, status: string) =>
      `{"metadata":{"name":"${name}","annotations":{${hash}"kubernetes.io/config.source":"any"}},` +
      `"spec":{"containers":[{"args":["a\\nb"]}]},"status":{"phase":"Pending"${status}}}`;
    const fromFiles = components.map((one) => {
      const status = one === unseen ? '' : ',"containerStatuses":[{}]';
      return pod(`${one}-cp-1`, `"kubernetes.io/config.hash":"of-${one}",`, status);
    });
    write('pods', `{"kind":"PodList","items":[${[...fromFiles, pod('web-1', '', '')].join(',')}]}`);
  };
  const wait = (settleSeconds: number) => {
    write('step', '5');
    return waitOn(settleSeconds);
  };
  const waitInVain = () => {
    write('step', '60');
    return waitOn(0);
  };
  const waitOn = (settleSeconds: number) =>
    sh(`until_control_plane_runs v1.29.15 ${settleSeconds}`);
  const sh = (last: string) => {
    const head = `${scriptHead}${programsScript({ kind: 'binaries', directory: '/none' }, to)}`;
    const script = `${head}${keepScript(directory)}${mirrorPodsScript('cp-1')}
PATH=${at('bin')}:$PATH
${last}`;
    const { status, stdout } = spawnSync('/bin/sh', ['-s'], { input: script, encoding: 'utf8' });
    return { status, lines: stdout.trim().split('\n').slice(1) };
  };
  const read = (name: string) => readFileSync(at(name), 'utf8');
  /** How often the pods were asked for. */
  const looks = () => read('asked').match(/get pod/g)?.length;
  const runs = { status: 0, lines: [] };

  beforeEach(() => {
    for (const each of ['leaderless', 'not-serving', 'scheduler-answers', 'asked', 'now']) {
      spawnSync('rm', ['-f', at(each)]);
    }
    program('kubectl', kubectl);
    program(
      'date',
      `if [ "$1" = -ud ]; then exec /bin/date "$@"; fi
echo . >> now
echo $(($(wc -l < now) * $(cat step)))`,
    );
    program('sleep', ':');
    for (const component of components) {
      const port = component === 'kube-controller-manager' ? '10257' : '10259';
      write(`etc/kubernetes/manifests/${component}.yaml`, manifestOf(component, port));
    }
    write('renewed', '10');
    write('lease', `cp-1_5c1b 2026-11-22T10:00:00Z`);
    write('manager', figure(3));
    mirrors();
    pods();
  });

  it('when its pods are Ready, its API server answers, and its leader works', () => {
    expect(wait(20)).toEqual(runs);
    expect(looks()).toBe(2);
  });

  it('when what the kubelet has not asked yet answers the same question', () => {
    mirrors({ 'kube-scheduler': { ready: false } });
    write('scheduler-answers', '');
    expect(wait(20)).toEqual(runs);
    expect(looks()).toBe(2);
    expect(read('asked')).toContain(
      '--username nobody --password none --request-timeout 5s --insecure-skip-tls-verify' +
        ' --server https://127.0.0.1:10259 get --raw /healthz\n',
    );
  });

  it.each([
    ['has not been over all of its static pods', () => pods('kube-scheduler')],
    ['does not tell which pods it has', () => write('pods', '')],
  ])('where its kubelet %s, after a while on end', (_, make) => {
    make();
    expect(wait(20)).toEqual(runs);
    expect(looks()).toBe(6);
  });

  it.each([
    ['has none', () => write('lease', '')],
    ['is another machine and has led for twenty seconds', () => write('lease', other(0))],
  ])('when its leader %s', (_, make) => {
    make();
    write('renewed', '20');
    write('manager', figure(0));
    expect(wait(20)).toEqual(runs);
    expect(looks()).toBe(2);
  });

  it.each([
    { what: 'is another machine', make: () => write('lease', other(20)), until: '40' },
    { what: 'does not tell figures', make: () => write('manager', ''), until: '20' },
  ])('where its leader $what, when it has led for twenty seconds', ({ make, until }) => {
    make();
    write('renewed', '14');
    expect(wait(20)).toEqual(runs);
    expect(read('renewed').trim()).toBe(until);
  });

  it.each([
    ['is of before', { hash: 'of-before' }],
    ['has another image', { tag: 'v1.28.15' }],
    ['is not Ready, and its component does not answer', { ready: false }],
  ])('not while a mirror pod %s', (_, scheduler) => {
    mirrors({ 'kube-scheduler': scheduler });
    expect(waitInVain()).toEqual({
      status: 1,
      lines: [
        'reason: the kubelet does not run kube-scheduler v1.29.15: ' +
          mirror('kube-scheduler', scheduler).trim(),
      ],
    });
  });

  it('not while a mirror pod is not Ready and nobody can say where it answers', () => {
    mirrors({ 'kube-scheduler': { ready: false } });
    write('scheduler-answers', '');
    const file = 'etc/kubernetes/manifests/kube-scheduler.yaml';
    for (const manifest of [
      manifestOf('kube-scheduler', 'probe-port'),
      manifestOf('kube-scheduler', '10259').repeat(2),
    ]) {
      write(file, manifest);
      expect(waitInVain().status).toBe(1);
    }
  });

  it('not without its pod', () => {
    write('mirrors', mirror('kube-apiserver', {}) + mirror('kube-scheduler', {}));
    expect(waitInVain()).toEqual({
      status: 1,
      lines: [
        'reason: the kubelet does not run kube-controller-manager v1.29.15: its pod is not there',
      ],
    });
  });

  it.each([
    ['nobody renews the lease', () => write('leaderless', '')],
    ['its API server does not answer', () => write('not-serving', '')],
    ['no controller has begun', () => write('manager', figure(0))],
    ['no controller is there yet', () => write('manager', 'go_goroutines 1\n')],
  ])('not while %s', (_, make) => {
    make();
    expect(waitInVain()).toEqual({
      status: 1,
      lines: ['reason: its API server does not answer, or no kube-controller-manager works'],
    });
  });

  it('sooner when its kubelet is reminded of a pod that is of before, and of no other', () => {
    const before = { tag: 'v1.28.15' };
    mirrors({ 'kube-scheduler': before, 'kube-controller-manager': before });
    write(
      'etc/kubernetes/manifests/kube-scheduler.yaml',
      'image: registry.test/kube-scheduler:v1.28.15',
    );
    write('step', '5');
    expect(sh('remind_kubelet').status).toBe(0);
    expect(read('asked').match(/annotate .*/g)).toEqual([
      'annotate pod kube-controller-manager-cp-1 --overwrite ascent.dev/reminded=5',
    ]);
  });
});

/** Of a kube-controller-manager: turns of its controller of EndpointSlices. */
function figure(turns: number): string {
  return `workqueue_work_duration_seconds_count{name="endpoint_slice"} ${turns}\n`;
}

/** What leads; since that second. */
function other(second: number): string {
  return `cp-2_77aa 2026-11-22T10:00:${String(second).padStart(2, '0')}Z`;
}
