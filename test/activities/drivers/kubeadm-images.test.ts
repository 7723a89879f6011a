// How images come to machines: real shells, a runtime's client and a kubeadm that print what the
// real ones do.

import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import type { ImageOrder } from '../../../activities/driver-ports';
import {
  isForNodes,
  listImagesScript,
  pullImages,
  pullScript,
  wantedImages,
} from '../../../activities/drivers/kubeadm-images';
import { imagesOfRelease } from '../../../activities/drivers/kubeadm-known-images';
import type { Machines, RootScript, ScriptEnd } from '../../../activities/drivers/machine-shell';
import { PortError } from '../../../activities/ports';
import { memberName, nodeName, version } from '../../support/builders';
import { refusalOf } from '../adapters/support/refusals';
import { temporaryDirectory } from '../adapters/support/temporary-directory';
import { aContext } from './support/programs';

jest.setTimeout(120_000);

const to = version('1.29.15');
const configuration = `apiServer: {}
imageRepository: mirror.test/k8s
kubernetesVersion: v1.28.15
`;
const kubeProxy = 'mirror.test/k8s/kube-proxy:v1.29.15';

const parent = temporaryDirectory();

/** Machines that are directories: programs of each are in its own, all else is the host's. */
class Ground {
  readonly directory = mkdtempSync(path.join(parent, 'ground-'));
  readonly packages = { kind: 'binaries', directory: this.at('releases') } as const;
  readonly away = new Set<string>();

  at(...names: readonly string[]): string {
    return path.join(this.directory, ...names);
  }

  program(file: string, script: string): void {
    mkdirSync(path.dirname(this.at(file)), { recursive: true });
    writeFileSync(this.at(file), `#!/bin/sh\n${script}\n`);
    chmodSync(this.at(file), 0o755);
  }

  file(file: string, text = ''): void {
    mkdirSync(path.dirname(this.at(file)), { recursive: true });
    writeFileSync(this.at(file), text);
  }

  /** Its runtime has what `images` names, and can pull what `registry` names. */
  machine(name: string, client: 'crictl' | 'ctr' = 'crictl'): void {
    const [have, offered] = [this.at(name, 'have'), this.at('registry')];
    this.file(`${name}/have`);
    const pull =
      `grep -qxF "$image" ${offered} 2> /dev/null && { echo "$image" >> ${have}; exit 0; }` +
      `; echo 'time="now" level=fatal'; echo "pulling $image: no such host" >&2; exit 1`;
    if (client === 'crictl') {
      const shift = 'if [ "$1" = -r ]; then shift 2; fi; image=$2';
      const look = `grep -qxF "$image" ${have}`;
      this.program(
        `${name}/bin/crictl`,
        `${shift}; case $1 in inspecti) ${look} ;; *) ${pull};; esac`,
      );
      return;
    }
    const list = `if [ "$4" = ls ]; then cat ${have}; exit; fi`;
    this.program(`${name}/bin/ctr`, `${list}; for image in "$@"; do :; done; ${pull}`);
  }

  /** kubectl gives the configuration of the cluster, with the credentials that are there. */
  cluster(name: string, credentials: 'admin.conf' | 'kubelet.conf', text = configuration): void {
    this.file(`${name}/etc/kubernetes/${credentials}`);
    this.file('configuration', text);
    const told = `echo "$2" >> ${this.at('asked')}; cat ${this.at('configuration')}`;
    this.program(`${name}/bin/kubectl`, told);
  }

  /** Lists images as its release has them, with the repository of the configuration. */
  kubeadm(file: string, release: string, lists = listing): void {
    const told = `echo v${release}; exit`;
    this.program(file, `if [ "$1" = version ]; then ${told}; fi\nrelease=${release}\n${lists}`);
  }

  run(name: string, script: string): Promise<ScriptEnd> {
    const asked = { doing: '', args: [], timeoutMs: 60_000, outputBytesMax: 100_000 };
    return this.#shell(name, { ...asked, script });
  }

  machines(): Machines {
    return {
      names: [],
      connect: (name) =>
        this.away.has(name)
          ? Promise.reject(new PortError('unreachable', `${name} does not answer`))
          : Promise.resolve({ run: (asked) => this.#shell(name, asked), close: () => undefined }),
    };
  }

  #shell(name: string, { script, args }: RootScript): Promise<ScriptEnd> {
    const places = `PATH=${this.at(name, 'bin')}:/usr/local/sbin`;
    const input = script
      .replaceAll('PATH=/usr/local/sbin', places)
      .replaceAll("credentials=''", `credentials=${this.at(name)}`);
    const child = spawn('/bin/sh', ['-s', '--', ...args], { stdio: 'pipe' });
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    child.stdin.end(input);
    return new Promise((resolve) => {
      child.on('close', (code, signal) => {
        const lines = Buffer.concat(complaints).toString('utf8').trim().split('\n');
        resolve({ code: code ?? signal ?? '', output: Buffer.concat(output), complaints: lines });
      });
    });
  }
}

const listing = `
[ "$1 $2 $3" = 'config images list' ] || exit 1
if [ "$4" = --config ]; then
  at=$(sed -n 's/^imageRepository: //p' "$5")
  release=$(sed -n 's/^kubernetesVersion: v//p' "$5")
fi
for name in kube-apiserver kube-proxy; do echo "\${at:-registry.k8s.io}/$name:v$release"; done
echo "\${at:-registry.k8s.io}/pause:3.9"
case $release in 1.29.*) etcd=3.5.16-0 ;; *) etcd=3.5.15-0 ;; esac
echo "\${at:-registry.k8s.io}/etcd:$etcd"
`;

const linesOf = ({ output }: ScriptEnd) => output.toString('utf8').trim().split('\n');

describe('which images a release needs', () => {
  const list = async (ground: Ground, name = 'cp-1') => {
    const end = await ground.run(name, listImagesScript(ground.packages, to));
    return { ...end, text: end.output.toString('utf8') };
  };

  it('its kubeadm says, with the configuration of the cluster', async () => {
    const ground = new Ground();
    ground.cluster('cp-1', 'admin.conf');
    ground.kubeadm('cp-1/bin/kubeadm', '1.28.15');
    ground.kubeadm('releases/1.29.15/kubeadm', '1.29.15');
    const { code, text } = await list(ground);
    expect(code).toBe(0);
    expect(readFileSync(ground.at('asked'), 'utf8')).toBe(
      `${ground.at('cp-1')}/etc/kubernetes/admin.conf\n`,
    );
    expect(wantedImages(text, { to })).toEqual({
      images: [
        'mirror.test/k8s/kube-apiserver:v1.29.15',
        kubeProxy,
        'mirror.test/k8s/pause:3.9',
        'mirror.test/k8s/etcd:3.5.16-0',
      ],
      unknown: [],
    });
  });

  it('a worker may ask as well, and an installed kubeadm of the release is as good', async () => {
    const ground = new Ground();
    ground.cluster('worker-1', 'kubelet.conf');
    ground.kubeadm('worker-1/bin/kubeadm', '1.29.15');
    const { code, text } = await list(ground, 'worker-1');
    expect(code).toBe(0);
    expect(readFileSync(ground.at('asked'), 'utf8')).toMatch(/kubelet\.conf\n$/);
    expect(wantedImages(text, { to }).images).toContain(kubeProxy);
  });

  it('that of an etcd that changes is what an offered kubeadm names', async () => {
    const ground = new Ground();
    ground.cluster('cp-1', 'admin.conf');
    ground.kubeadm('releases/1.29.15/kubeadm', '1.29.15');
    ground.kubeadm('releases/1.30.14/kubeadm', '1.30.14');
    const { text } = await list(ground);
    expect(wantedImages(text, { to, etcd: version('3.5.15') }).images.slice(-2)).toEqual([
      'mirror.test/k8s/etcd:3.5.16-0',
      'mirror.test/k8s/etcd:3.5.15-0',
    ]);
    expect(wantedImages(text, { to, etcd: version('3.5.16') }).images).toHaveLength(4);
    expect(wantedImages(text, { to, etcd: version('3.6.1') }).images).toHaveLength(4);
  });

  it('is known of it where no kubeadm of the release is there', async () => {
    const ground = new Ground();
    ground.cluster('cp-1', 'admin.conf');
    ground.kubeadm('cp-1/bin/kubeadm', '1.28.15');
    const { text } = await list(ground);
    expect(wantedImages(text, { to })).toEqual(imagesOfRelease(to, configuration));
  });

  it('is known of it also where its kubeadm does not say, and what it says is told', async () => {
    const ground = new Ground();
    ground.cluster('cp-1', 'admin.conf');
    const fails = 'echo "error: bad gate\\nTo see the stack trace" >&2; exit 1';
    ground.kubeadm('releases/1.29.15/kubeadm', '1.29.15', fails);
    const { text } = await list(ground);
    expect(wantedImages(text, { to })).toEqual({
      ...imagesOfRelease(to, configuration),
      says: 'error: bad gate',
    });
  });

  it('cannot be told by a machine that has not joined', async () => {
    const ground = new Ground();
    expect(await list(ground)).toMatchObject({
      code: 1,
      complaints: ['kubeadm has not joined this machine: there is no kubelet.conf'],
    });
  });

  it('is not read out of anything else', () => {
    const message = 'the machine did not tell the configuration of its cluster';
    expect(() => wantedImages('image a/b:c\n', { to })).toThrow(message);
    const other = 'ConfigMap kubeadm-config of the cluster holds no ClusterConfiguration';
    expect(() => wantedImages('configuration\n- a\n', { to })).toThrow(other);
    expect(() => wantedImages('configuration\n"\n', { to })).toThrow(other);
    const words = `image a/b:c'; rm\nimage a/b:c\nconfiguration\n${configuration}`;
    expect(wantedImages(words, { to }).images).toEqual(['a/b:c']);
  });
});

describe('what is known of a release', () => {
  const names = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'];

  it('is all that its sources say', () => {
    expect(imagesOfRelease(to, 'kubernetesVersion: v1.28.15\n')).toEqual({
      images: [
        ...names.map((name) => `registry.k8s.io/${name}:v1.29.15`),
        'registry.k8s.io/coredns/coredns:v1.11.1',
        'registry.k8s.io/pause:3.9',
        'registry.k8s.io/etcd:3.5.16-0',
      ],
      unknown: [],
    });
  });

  it('of a patch that nobody has read are those of Kubernetes itself', () => {
    expect(imagesOfRelease(version('1.29.7'), 'imageRepository: ""\n')).toEqual({
      images: names.map((name) => `registry.k8s.io/${name}:v1.29.7`),
      unknown: ['coredns', 'pause', 'etcd'],
    });
  });

  it('gives way to what the cluster has of its own', () => {
    const own = `imageRepository: mirror.test
dns: { imageRepository: dns.test/a, imageTag: v9 }
etcd: { local: { imageRepository: etcd.test, imageTag: 3.5.9-9, dataDir: /var/lib/etcd } }
`;
    expect(imagesOfRelease(version('1.29.7'), own)).toEqual({
      images: [
        ...names.map((name) => `mirror.test/${name}:v1.29.7`),
        'dns.test/a/coredns:v9',
        'etcd.test/etcd:3.5.9-9',
      ],
      unknown: ['pause'],
    });
    const mirrored = imagesOfRelease(to, 'imageRepository: mirror.test\n').images;
    expect(mirrored).toContain('mirror.test/coredns:v1.11.1');
  });

  it('leaves out what the cluster has not', () => {
    const none = `dns: { disabled: true }
proxy: { disabled: true }
etcd: { external: { endpoints: [https://10.0.0.9:2379] } }
`;
    expect(imagesOfRelease(to, none)).toEqual({
      images: [
        ...names.slice(0, 3).map((name) => `registry.k8s.io/${name}:v1.29.15`),
        'registry.k8s.io/pause:3.9',
      ],
      unknown: [],
    });
  });

  it('every node runs two of them', () => {
    expect(imagesOfRelease(to, 'dns: null\n').images.filter(isForNodes)).toEqual([
      'registry.k8s.io/kube-proxy:v1.29.15',
      'registry.k8s.io/pause:3.9',
    ]);
  });
});

describe.each(['crictl', 'ctr'] as const)('a machine with %s', (client) => {
  const withMachine = () => {
    const ground = new Ground();
    ground.machine('worker-1', client);
    return ground;
  };

  it('pulls what is not there, and nothing else', async () => {
    const ground = withMachine();
    ground.file('worker-1/have', 'a/there:1\n');
    ground.file('registry', 'a/there:1\na/new:1\n');
    const end = await ground.run('worker-1', pullScript(['a/there:1', 'a/new:1']));
    expect({ code: end.code, lines: linesOf(end) }).toEqual({
      code: 0,
      lines: ['phase: pulling a/new:1', 'pulled a/new:1', 'all images are here'],
    });
  });

  it('says of each that it cannot have why, in the words of its runtime', async () => {
    const ground = withMachine();
    ground.file('registry', 'a/new:1\n');
    const end = await ground.run('worker-1', pullScript(['a/none:1', 'a/new:1', 'b/none:2']));
    expect({ code: end.code, lines: linesOf(end) }).toEqual({
      code: 70,
      lines: [
        'phase: pulling a/none:1',
        'reason: a/none:1 cannot be pulled: pulling a/none:1: no such host',
        'phase: pulling a/new:1',
        'pulled a/new:1',
        'phase: pulling b/none:2',
        'reason: b/none:2 cannot be pulled: pulling b/none:2: no such host',
      ],
    });
  });
});

describe('machines of a hop', () => {
  const order: ImageOrder = {
    members: [memberName('cp-1')],
    nodes: [nodeName('worker-1'), nodeName('worker-2')],
    to,
    timeoutMs: 60_000,
  };
  const offered = [
    'mirror.test/k8s/kube-apiserver:v1.29.15',
    kubeProxy,
    'mirror.test/k8s/pause:3.9',
    'mirror.test/k8s/etcd:3.5.16-0',
  ];
  const aGround = () => {
    const ground = new Ground();
    for (const name of ['cp-1', 'worker-1', 'worker-2']) ground.machine(name);
    ground.cluster('cp-1', 'admin.conf');
    ground.kubeadm('releases/1.29.15/kubeadm', '1.29.15');
    ground.file('registry', `${offered.join('\n')}\n`);
    return ground;
  };
  const pull = (ground: Ground, operationId = 'op-1', other: Partial<ImageOrder> = {}) => {
    const context = aContext({ operationId });
    const directory = ground.at('journal');
    const { packages } = ground;
    // Each machine has a journal of its own, as directories of one would not.
    const machines = ground.machines();
    const own: Machines = {
      ...machines,
      connect: async (name, signal) => {
        const shell = await machines.connect(name, signal);
        return {
          ...shell,
          run: (asked, abort) =>
            shell.run(
              {
                ...asked,
                args: asked.args.map((word) => word.replace(directory, ground.at(name, 'journal'))),
              },
              abort,
            ),
        };
      },
    };
    const options = { machines: own, packages, directory, pollMs: 20 };
    return { context, done: pullImages(options, { ...order, ...other }, context) };
  };
  const have = (ground: Ground, name: string) =>
    readFileSync(ground.at(name, 'have'), 'utf8').trim().split('\n');

  it('have all that they need: members everything, nodes what every node runs', async () => {
    const ground = aGround();
    const { context, done } = pull(ground);
    expect(await done).toEqual({ pulled: 8, unknown: [] });
    expect(have(ground, 'cp-1')).toEqual(offered);
    expect(have(ground, 'worker-1')).toEqual(offered.slice(1, 3));
    expect(have(ground, 'worker-2')).toEqual(offered.slice(1, 3));
    expect(context.phases[0]).toBe('asking which images 1.29.15 needs, on cp-1');
    expect(context.phases.at(-1)).toBe('3 of 3 machines have their images');
    expect(await pull(ground, 'op-2').done).toEqual({ pulled: 0, unknown: [] });
  });

  it('are all tried before one is told that cannot have them', async () => {
    const ground = aGround();
    ground.file('registry', `${offered.filter((image) => image !== kubeProxy).join('\n')}\n`);
    ground.file('worker-2/have', `${kubeProxy}\n`);
    const { done } = pull(ground);
    const why = `failed: ${kubeProxy} cannot be pulled: pulling ${kubeProxy}: no such host`;
    expect(await refusalOf(done)).toEqual({
      code: 'rejected',
      message:
        '2 of 3 machines have not all (cp-1, worker-1):' +
        ` bringing images of 1.29.15 on machine cp-1 ${why};` +
        ` bringing images of 1.29.15 on machine worker-1 ${why}`,
    });
    expect(have(ground, 'worker-2')).toEqual([kubeProxy, 'mirror.test/k8s/pause:3.9']);
    ground.file('registry', `${offered.join('\n')}\n`);
    expect(await pull(ground, 'op-2').done).toEqual({ pulled: 2, unknown: [] });
  });

  it('that are away are told only where nothing else is wrong, and may come back', async () => {
    const ground = aGround();
    ground.away.add('worker-1');
    expect(await refusalOf(pull(ground).done)).toEqual({
      code: 'unreachable',
      message: 'worker-1 does not answer',
    });
    ground.file('registry', '');
    ground.file('worker-2/have', '');
    expect(await refusalOf(pull(ground, 'op-2').done)).toMatchObject({
      code: 'rejected',
      message: expect.stringMatching(/^2 of 3 machines have not all \(worker-1, worker-2\): /),
    });
  });

  it('are not asked for anything where there are none', async () => {
    const ground = aGround();
    const { done } = pull(ground, 'op-1', { members: [], nodes: [] });
    expect(await done).toEqual({ pulled: 0, unknown: [] });
    expect(existsSync(ground.at('asked'))).toBe(false);
  });

  it('tell nothing where their runtime has no client', async () => {
    const ground = new Ground();
    const script = pullScript(['a/b:1']).replaceAll(/command -v (crictl|ctr)/g, 'false');
    expect(await ground.run('worker-1', script)).toMatchObject({ code: 77 });
  });
});
