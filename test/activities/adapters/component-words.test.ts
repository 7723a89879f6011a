import { optionsOfContainers, optionsOfWords } from '../../../activities/adapters/component-words';

const none = { flags: [], gates: [], plugins: [] };

/** Of a pod with this one container. */
function optionsOf(command: readonly string[], args?: readonly string[], name = 'main') {
  const more = args === undefined ? {} : { args: [...args] };
  return optionsOfContainers([{ name, command: [...command], ...more }]);
}

describe('the options of a command line', () => {
  it('are names of flags, gates and plugins; of values nothing else is kept', () => {
    expect(
      optionsOf([
        'kube-apiserver',
        '--etcd-servers=https://user:s3cret@10.0.0.1:2379',
        '--feature-gates=KMSv1=true,kube:AppArmor=false,AllAlpha=true',
        '--enable-admission-plugins=NodeRestriction,PersistentVolumeLabel',
        '--disable-admission-plugins=SecurityContextDeny',
      ]),
    ).toEqual({
      component: 'kube-apiserver',
      flags: [
        'disable-admission-plugins',
        'enable-admission-plugins',
        'etcd-servers',
        'feature-gates',
      ],
      gates: ['AllAlpha', 'AppArmor', 'KMSv1'],
      plugins: ['NodeRestriction', 'PersistentVolumeLabel', 'SecurityContextDeny'],
    });
  });

  it.each([
    { what: 'a path', command: ['/usr/local/bin/kube-scheduler', '--v=2', '--leader-elect'] },
    { what: 'args', command: ['kube-scheduler'], args: ['--v=2', '--leader-elect'] },
    {
      what: 'a wrapper with flags of its own',
      command: ['/go-runner', '--log-file=/var/log/kube-scheduler.log', '--redirect-stderr=true'],
      args: ['/usr/local/bin/kube-scheduler', '--v=2', '--leader-elect'],
    },
    {
      what: 'a shell',
      command: ['/bin/sh', '-c'],
      args: ['exec /usr/bin/kube-scheduler --v="2" \\\n  --leader-elect >> /var/log/one 2>&1'],
    },
    {
      what: 'its name only',
      command: [],
      args: ['--v=2', '--leader-elect'],
      name: 'kube-scheduler',
    },
    {
      what: 'flags that stand twice, with underlines',
      command: ['kube-scheduler', '--v=1', '--leader_elect=false', '--v=2', '--leader-elect'],
    },
  ])('are found behind $what', ({ command, args, name }) => {
    const flags = ['leader-elect', 'v'];
    expect(optionsOf(command, args, name)).toEqual({ ...none, component: 'kube-scheduler', flags });
  });

  it('may have values apart, and gates in several places', () => {
    const words = ['--feature-gates', 'One=true', '--feature-gates=Two=true', '--feature-gates'];
    expect(optionsOfWords('kubelet', [...words, '--runonce', 'Three=true'])).toEqual({
      component: 'kubelet',
      flags: ['feature-gates', 'runonce'],
      gates: ['One', 'Two'],
      plugins: [],
    });
  });

  it('have the values of a few, which the catalogue asks for', () => {
    const words = ['--cloud-provider', 'aws', '--cloud-config=/s3cret'];
    const flags = ['cloud-config', 'cloud-provider'];
    const component = 'kube-controller-manager';
    const values = { 'cloud-provider': 'aws' };
    expect(optionsOfWords(component, words)).toEqual({ ...none, component, flags, values });
    expect(optionsOfWords('kubelet', words)).toEqual({ ...none, component: 'kubelet', flags });
    const long = optionsOfWords(component, [`--cloud-provider=${'x'.repeat(5_000)}`]);
    expect(long.values).toEqual({ 'cloud-provider': 'x'.repeat(100) });
  });

  it('are none where words are no flags, and gates no names', () => {
    const words = ['-', '--', '---x', '--=y', 'config', '--feature-gates=$GATES, ,=true,A', '-v'];
    expect(optionsOfWords('etcd', [...words, '-data-dir=/one'])).toEqual({
      component: 'etcd',
      flags: ['data-dir', 'feature-gates'],
      gates: [],
      plugins: [],
    });
  });

  it('are those of the first 2,000 words', () => {
    const many = Array.from({ length: 3_000 }, (_, index) => `--flag-${index}`);
    expect(optionsOf(['kube-proxy', ...many])?.flags).toHaveLength(1_999);
  });

  it('are not asked of what runs no component', () => {
    expect(optionsOf(['/bin/sh', '-c', 'sleep 1'])).toBeUndefined();
    expect(optionsOf(['kube-vip', 'manager', '--kube-apiserver=x'])).toBeUndefined();
    expect(optionsOf([])).toBeUndefined();
    expect(optionsOfContainers([])).toBeUndefined();
  });

  it('are those of the container that runs one', () => {
    const containers = [{ name: 'logs' }, { name: 'one', command: ['kube-proxy', '--oom'] }];
    const flags = ['oom'];
    expect(optionsOfContainers(containers)).toEqual({ ...none, component: 'kube-proxy', flags });
  });
});
